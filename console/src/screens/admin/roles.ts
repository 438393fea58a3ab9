import type { Account, Role } from "../../api/admin";
import { useText } from "../../i18n/text";

const roles: Role[] = ["member", "support", "admin"];

// useRoles are the roles there are, to choose from.
export function useRoles(): [Role, string][] {
  const text = useText();
  return roles.map((role) => [role, text(`admin.role.${role}`)]);
}

// above tells whether one role may act on another: nobody acts on an equal or a superior.
// The server judges; this is so that nobody is offered what it refuses.
export const above = (mine: Role, theirs: Role): boolean => roles.indexOf(mine) > roles.indexOf(theirs);

// called is what to call the person of an account.
export const called = ({ display_name: name, username, emails = [], pending_email: pending, id }: Account): string =>
  name || username || emails[0] || pending || id;
