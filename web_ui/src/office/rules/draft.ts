/** A section while it is being changed: the draft, what is wrong with it, and keeping it. */

import { computed, ref, shallowRef, type Ref } from "vue";
import { ApiProblem, NoAnswer, get } from "../../shared/api/client";
import { sentence, tellBad, tellGood } from "../model/doing";
import { mistakesOf, readLists, readSection, restoreSection, saveSection, type Lists, type Mistake, type SectionView } from "../model/rules";
import { may, signedOut } from "../model/session";
import type { Form } from "../fields/form";
import { c } from "../text/common";
import { mistakeText } from "../text/mistakes";
import { copyOf, same, type Row } from "./spec";
import { usualAt, usualText } from "./usual";

export interface Draft {
  view: Ref<SectionView | null>;
  content: Ref<Row | null>;
  dirty: Ref<boolean>;
  saving: Ref<boolean>;
  problem: Ref<string | null>;
  /** The device's mistakes with their places, also those in other sections. */
  found: Ref<Mistake[]>;
  form: Form;
  load(): Promise<void>;
  save(note?: string): Promise<boolean>;
  restore(version: number): Promise<boolean>;
  discard(): void;
}

export function useDraft(section: string): Draft {
  const view = ref<SectionView | null>(null) as Ref<SectionView | null>;
  const content = ref<Row | null>(null) as Ref<Row | null>;
  const saving = ref(false);
  const problem = ref<string | null>(null);
  const found = ref<Mistake[]>([]);
  const typedWrong = ref(new Map<string, string>());
  const others = ref<Lists>({});
  const schema = shallowRef<Row>({});

  const dirty = computed(() => view.value !== null && content.value !== null && !same(view.value.content, content.value));
  const mistakes = computed(() => {
    const all = new Map(typedWrong.value);
    for (const { at, key, facts } of found.value) {
      if (at.startsWith(`${section}.`)) all.set(at.slice(section.length + 1), mistakeText(at, key, facts));
    }
    return all;
  });
  const form: Form = {
    mistakes,
    lists: computed(() => others.value),
    locked: computed(() => !may("rules_change") || saving.value),
    usual: (field, path) => usualText(field, usualAt(schema.value, path)),
    wrong(path, why) {
      const next = new Map(typedWrong.value);
      if (why === null ? next.delete(path) : next.get(path) !== why) {
        if (why !== null) next.set(path, why);
        typedWrong.value = next;
      }
    },
  };

  function take(now: SectionView): void {
    view.value = now;
    content.value = copyOf(now.content);
    found.value = [];
    typedWrong.value = new Map();
  }

  async function load(): Promise<void> {
    problem.value = null;
    try {
      take(await readSection(section));
      others.value = await readLists({ section, content: content.value ?? {} });
      schema.value = await get<Row>(`/rules/${section}/schema`);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) signedOut();
      else problem.value = sentence(error);
    }
  }

  async function keeping(work: () => Promise<SectionView>): Promise<boolean> {
    saving.value = true;
    try {
      take(await work());
      others.value = await readLists({ section, content: content.value ?? {} });
      tellGood(c("saved"));
      return true;
    } catch (error) {
      const told = mistakesOf(error);
      if (told !== null) found.value = told;
      else if (error instanceof ApiProblem && error.status === 401) signedOut();
      else if (error instanceof ApiProblem || error instanceof NoAnswer) tellBad(sentence(error));
      else throw error;
      return false;
    } finally {
      saving.value = false;
    }
  }

  return {
    view,
    content,
    dirty,
    saving,
    problem,
    found,
    form,
    load,
    save: (note = "") => {
      if (typedWrong.value.size > 0) return Promise.resolve(false);
      return keeping(() => saveSection(section, content.value, view.value?.version ?? 0, note));
    },
    restore: (version) => keeping(() => restoreSection(section, version, view.value?.version ?? 0)),
    discard() {
      if (view.value !== null) take(view.value);
    },
  };
}
