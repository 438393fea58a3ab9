import { createContext, useContext } from "react";

import { moment } from "../i18n/moment";
import { useText } from "../i18n/text";

// What time it is, for pictures that must look the same tomorrow.
export const NowContext = createContext<(() => number) | null>(null);

// useDate words a moment that is still to come, to the minute.
export function useDate(): (iso: string) => string {
  return (iso) => new Date(iso).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}

// useMoment words a moment in the language of the page.
export function useMoment(): (iso: string) => { words: string; exact: string } {
  const text = useText();
  const now = useContext(NowContext);
  return (iso) => moment(iso, document.documentElement.lang, text("time.now"), now?.() ?? Date.now());
}
