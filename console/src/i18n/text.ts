// The sentences of the page, in its language.

import { createContext, useContext } from "react";

import type english from "../../messages/en.json";
import { type Catalog, type Values, format } from "./format";

// Every sentence there is: a key that no file has does not compile.
export type Key = keyof typeof english;
export type Text = (key: Key, values?: Values) => string;

export function texts(catalog: Catalog, language: string): Text {
  return (key, values = {}) => format(catalog[key] ?? key, values, language);
}

export const TextContext = createContext<Text>((key) => key);

export const useText = (): Text => useContext(TextContext);
