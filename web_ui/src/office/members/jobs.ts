/** Batches and imports while they run: asked for again until they rest. */

import { onBeforeUnmount, ref, type Ref } from "vue";
import { get } from "../../shared/api/client";
import { change, told } from "../model/doing";
import type { Phrase } from "../text/phrases";
import type { Job, JobState } from "./types";

const LOOK_EVERY_MS = 700;

export const JOB_STATES: Readonly<Record<JobState, Phrase>> = {
  ready: ["已准备好", "Ready"],
  running: ["进行中", "Running"],
  stopping: ["正在停下", "Stopping"],
  undoing: ["正在撤销", "Undoing"],
  done: ["已完成", "Done"],
  stopped: ["已停下", "Stopped"],
  undone: ["已撤销", "Undone"],
};

export const ACTIONS: Readonly<Record<string, Phrase>> = {
  tag: ["打标签", "Tag"],
  untag: ["去掉标签", "Remove a tag"],
  category: ["改会员类别", "Change the category"],
  extend: ["延长有效期", "Extend the validity"],
  notify: ["发通知", "Notify"],
  freeze: ["冻结", "Freeze"],
  unfreeze: ["解冻", "Unfreeze"],
  import: ["导入", "Import"],
  coupons: ["发券", "Give coupons"],
};

const MOVING: readonly JobState[] = ["running", "stopping", "undoing"];

export interface JobWatch {
  job: Ref<Job | null>;
  follow(now: Job): void;
  act(verb: "start" | "stop" | "undo"): Promise<void>;
  forget(): void;
}

export function useJob(ended: () => void = () => undefined): JobWatch {
  const job = ref<Job | null>(null) as Ref<Job | null>;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function follow(now: Job): void {
    const moved = job.value !== null && MOVING.includes(job.value.state);
    job.value = now;
    clearTimeout(timer);
    if (MOVING.includes(now.state)) timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    else if (moved) ended();
  }
  async function look(): Promise<void> {
    const id = job.value?.job_id;
    if (id === undefined) return;
    const well = await told(async () => follow(await get<Job>(`/jobs/${id}`)));
    if (!well) timer = setTimeout(() => void look(), LOOK_EVERY_MS * 4);
  }
  async function act(verb: "start" | "stop" | "undo"): Promise<void> {
    const id = job.value?.job_id;
    if (id === undefined) return;
    await told(async () => {
      const now = await change<Job>("POST", `/jobs/${id}/${verb}`);
      // Even a job that was done at once has moved.
      job.value = { ...now, state: MOVING.includes(now.state) ? now.state : "running" };
      follow(now);
    });
  }
  function forget(): void {
    clearTimeout(timer);
    job.value = null;
  }
  onBeforeUnmount(forget);
  return { job, follow, act, forget };
}
