// What can be done to an account as a whole: each asks first, and takes a reason.

import { type Key, useText } from "../../i18n/text";
import { useSite } from "../../site";
import type { Account } from "../../api/admin";
import { Button, named } from "../../ui/Button";
import type { Question } from "./Ask";
import { called } from "./roles";

type What = "enrol" | "end" | "enable" | "disable" | "delete";

interface Props {
  account: Account;
  decides: boolean; // an administrator: support looks after, and decides nothing
  busy: boolean;
  ask: (question: Question) => void;
  go: Record<What, (reason: string) => void>;
}

const danger = new Set<What>(["disable", "delete"]);
const ids: Record<What, string> = { enrol: "enrol", end: "end-sessions", enable: "enable", disable: "disable", delete: "delete" };

export function Actions({ account, decides, busy, ask, go }: Props) {
  const text = useText();
  const site = useSite();
  // A link goes to a confirmed address, or, where nobody is in the account yet, by hand.
  const linkable = !account.disabled && ((site.mail && (account.emails ?? []).length > 0) || account.passkeys === 0);
  const offered: What[] = [
    ...(linkable ? (["enrol"] as const) : []),
    "end",
    ...(decides ? ([account.disabled ? "enable" : "disable", "delete"] as const) : []),
  ];
  return (
    <div className="actions">
      {offered.map((what) => {
        const label: Key = `admin.${what}`;
        const question: Question = {
          heading: `admin.${what}.heading`,
          text: `admin.${what}.text`,
          button: label,
          name: called(account),
          danger: danger.has(what),
          go: go[what],
        };
        return (
          <Button key={what} {...named(ids[what])} kind="secondary" disabled={busy} onClick={() => ask(question)}>
            {text(label)}
          </Button>
        );
      })}
    </div>
  );
}
