/** Signals by WebAudio: approved one short high tone, declined two low, unknown three. No files. */

import { ref } from "vue";

export type Tone = "approve" | "decline" | "unknown" | "ask";

interface Note {
  hz: number;
  at_s: number;
  for_s: number;
}

const NOTES: Record<Tone, readonly Note[]> = {
  approve: [{ hz: 1318, at_s: 0, for_s: 0.16 }],
  decline: [
    { hz: 233, at_s: 0, for_s: 0.18 },
    { hz: 196, at_s: 0.24, for_s: 0.26 },
  ],
  unknown: [
    { hz: 523, at_s: 0, for_s: 0.14 },
    { hz: 523, at_s: 0.22, for_s: 0.14 },
    { hz: 523, at_s: 0.44, for_s: 0.14 },
  ],
  ask: [{ hz: 659, at_s: 0, for_s: 0.14 }],
};

const SHELF_NAME = "counterd.muted";

export const muted = ref(localStorage.getItem(SHELF_NAME) === "yes");

export function setMuted(value: boolean): void {
  muted.value = value;
  localStorage.setItem(SHELF_NAME, value ? "yes" : "no");
}

let speaker: AudioContext | null = null;

/** A browser lets a page sound only after a touch or a key: call this on the first one. */
export function wakeSpeaker(): void {
  speaker ??= new AudioContext();
  if (speaker.state === "suspended") void speaker.resume();
}

export function sound(tone: Tone): void {
  if (muted.value || speaker === null || speaker.state !== "running") return;
  const start = speaker.currentTime + 0.01;
  for (const note of NOTES[tone]) {
    const wave = speaker.createOscillator();
    const level = speaker.createGain();
    wave.type = note.hz < 300 ? "square" : "triangle";
    wave.frequency.value = note.hz;
    const from = start + note.at_s;
    const loud = note.hz < 300 ? 0.12 : 0.3;
    level.gain.setValueAtTime(0, from);
    level.gain.linearRampToValueAtTime(loud, from + 0.01);
    level.gain.setValueAtTime(loud, from + note.for_s - 0.03);
    level.gain.linearRampToValueAtTime(0, from + note.for_s);
    wave.connect(level).connect(speaker.destination);
    wave.start(from);
    wave.stop(from + note.for_s);
  }
}
