// What the shell tells the script: which page it is, whose, and what it says.

import { createContext, useContext } from "react";

import type { Catalog } from "./i18n/format";

export interface Links {
  terms?: string;
  privacy?: string;
  support?: string;
}

// Who may open an account: anybody, who proves an address first, who was invited, or
// nobody by themselves.
export type SignUpMode = "open" | "email" | "invite" | "closed";

export interface Site {
  name: string;
  logo?: string;
  sign_up: SignUpMode;
  email_links: boolean; // people can get a link by e-mail
  mail: boolean; // this server can send mail
  links: Links;
}

export interface Shell {
  page: string;
  site: Site;
  messages: Catalog;
}

export function readShell(root: HTMLElement): Shell {
  const { page, site, messages } = root.dataset;
  if (!page || !site || !messages) throw new Error("the shell is not complete");
  return { page, site: JSON.parse(site) as Site, messages: JSON.parse(messages) as Catalog };
}

export const SiteContext = createContext<Site>({ name: "", sign_up: "closed", email_links: false, mail: false, links: {} });

export const useSite = (): Site => useContext(SiteContext);
