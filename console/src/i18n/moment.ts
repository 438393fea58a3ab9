// Moments as people say them: relative within a week, absolute after.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

export interface Moment {
  words: string;
  exact: string;
}

export function moment(iso: string, language: string, justNow: string, now = Date.now()): Moment {
  const date = new Date(iso);
  const exact = date.toLocaleString(language, { dateStyle: "full", timeStyle: "medium" });
  return { words: words(date, language, justNow, now), exact };
}

function words(date: Date, language: string, justNow: string, now: number): string {
  const seconds = (now - date.getTime()) / 1000;
  if (seconds > WEEK) return date.toLocaleDateString(language, { dateStyle: "medium" });
  if (seconds < MINUTE) return justNow;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  return relative.format(-Math.floor(seconds / DAY), "day");
}
