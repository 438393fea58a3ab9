// What is asked before a passkey is deleted or suspended: it names the passkey and
// says what will happen.

import type { Passkey } from "../../api/types";
import { useText } from "../../i18n/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import type { Change } from "./PasskeyRow";

export interface Question {
  passkey: Passkey;
  what: Exclude<Change, "restore">;
  only: boolean;
}

interface Props {
  question: Question;
  close: () => void;
  sure: () => void;
  add: () => void;
}

export function Confirm({ question: { passkey, what, only }, close, sure, add }: Props) {
  const text = useText();
  const name = passkey.name || text("passkeys.unnamed");
  const heading = text(`passkeys.${what}.heading`, { name });
  if (only) {
    return (
      <Dialog open onClose={close} name="confirm" title={heading} text={text("passkeys.delete.only", { name })}>
        <div className="dialog-actions">
          <Button kind="secondary" onClick={close}>
            {text("cancel")}
          </Button>
          <Button kind="primary" onClick={add} data-testid="add-first">
            {text("passkeys.add")}
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog open onClose={close} name="confirm" title={heading} text={text(`passkeys.${what}.text`)}>
      {passkey.this_session && <p className="warning">{text("passkeys.delete.this")}</p>}
      <div className="dialog-actions">
        <Button kind="secondary" onClick={close}>
          {text("cancel")}
        </Button>
        <Button kind={what === "delete" ? "danger" : "primary"} onClick={sure} data-testid="confirm-sure">
          {text(`passkeys.${what}`)}
        </Button>
      </div>
    </Dialog>
  );
}
