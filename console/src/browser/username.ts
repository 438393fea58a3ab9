// What can be told of a username before it is sent.

import type { Key } from "../i18n/text";

// unfit is what is wrong with a username, where people would not find out by themselves:
// many type their address.
export const unfit = (username: string): Key | null => (username.includes("@") ? "sign-up.username-address" : null);
