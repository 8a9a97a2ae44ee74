/**
 * Element Plus: what a person fills in. Its own types of `ElSelect` do not hold under
 * `exactOptionalPropertyTypes`; what the office uses of them is written down here instead.
 */

import "element-plus/es/components/input/style/css";
import "element-plus/es/components/select/style/css";
import "element-plus/es/components/option/style/css";
import "element-plus/es/components/switch/style/css";
import "element-plus/es/components/checkbox/style/css";
import { ElOption as Option, ElSelect as Select } from "element-plus/es/components/select/index.mjs";

export { ElInput } from "element-plus/es/components/input/index.mjs";
export { ElSwitch } from "element-plus/es/components/switch/index.mjs";
export { ElCheckbox } from "element-plus/es/components/checkbox/index.mjs";

type Picked = string | number | string[];

type Shown<Props> = new () => { $props: Props; $slots: { default?: () => unknown } };

interface SelectProps<P extends Picked = Picked> {
  id?: string;
  modelValue?: P;
  placeholder?: string;
  disabled?: boolean;
  clearable?: boolean;
  filterable?: boolean;
  multiple?: boolean;
  allowCreate?: boolean;
  "onUpdate:modelValue"?: (picked: any) => void;
}

interface OptionProps {
  value: string | number;
  label: string;
  disabled?: boolean;
}

export const ElSelect = Select as unknown as Shown<SelectProps>;
export const ElOption = Option as unknown as Shown<OptionProps>;
