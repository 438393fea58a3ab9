// A User-Agent in words: the browser and the system, as far as it tells.

import type { Text } from "../i18n/text";

const browsers: [RegExp, string][] = [
  [/Edg(A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/HeadlessChrome\//, "Chromium"],
  [/CriOS\/|Chrome\//, "Chrome"],
  [/Version\/.*Safari\//, "Safari"],
];

const systems: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];

const first = (table: [RegExp, string][], agent: string): string | undefined =>
  table.find(([sign]) => sign.test(agent))?.[1];

export function describe(agent: string): { browser?: string | undefined; system?: string | undefined } {
  return { browser: first(browsers, agent), system: first(systems, agent) };
}

export function inWords(agent: string, text: Text): string {
  const { browser, system } = describe(agent);
  if (browser && system) return text("sessions.on", { browser, system });
  return browser ?? system ?? text("sessions.unknown");
}
