/** Element Plus: what a person fills in. */

import "element-plus/es/components/input/style/css";
import "element-plus/es/components/select/style/css";
import "element-plus/es/components/option/style/css";
import "element-plus/es/components/switch/style/css";
import "element-plus/es/components/checkbox/style/css";

export { ElInput } from "element-plus/es/components/input/index.mjs";
export { ElOption, ElSelect } from "element-plus/es/components/select/index.mjs";
export { ElSwitch } from "element-plus/es/components/switch/index.mjs";
export { ElCheckbox } from "element-plus/es/components/checkbox/index.mjs";
