/** What the fields of one form share: lists to pick from, and what is wrong where. */

import { computed, inject, provide, ref, type InjectionKey, type Ref } from "vue";
import type { Field, ListName } from "../rules/spec";

export interface Option {
  value: string;
  name: string;
}

export interface Form {
  /** A path from the document on; the section's name is not part of it. */
  mistakes: Ref<ReadonlyMap<string, string>>;
  lists: Ref<Readonly<Partial<Record<ListName, readonly Option[]>>>>;
  /** A text that is no figure, told by the field that holds it; null when it is one again. */
  wrong(path: string, why: string | null): void;
  locked: Ref<boolean>;
  /** What a field is at first, where its form knows. */
  usual?: (field: Field, path: string) => string | null;
}

const FORM: InjectionKey<Form> = Symbol("form");

export const provideForm = (form: Form): void => provide(FORM, form);

export function useForm(): Form {
  const form = inject(FORM);
  if (form === undefined) throw new Error("a field outside a form");
  return form;
}

/** A form that is no part of the rules: its own fields, and what the lists know. What it answers is
 * what is no figure, by path. */
export function provideOwnForm(lists: Form["lists"], locked: Ref<boolean>): Ref<ReadonlyMap<string, string>> {
  const wrong = ref<ReadonlyMap<string, string>>(new Map());
  provideForm({
    mistakes: computed(() => wrong.value),
    lists,
    locked,
    wrong(path, why) {
      const next = new Map(wrong.value);
      if (why === null) next.delete(path);
      else next.set(path, why);
      wrong.value = next;
    },
  });
  return wrong;
}

export const idOf = (path: string): string => `f-${path.replaceAll(".", "-")}`;
