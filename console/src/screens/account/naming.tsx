// Naming a passkey that was just made. The server does not know it yet, so whatever
// happens the name is settled and the passkey kept: closing the dialog, waiting too
// long and leaving the page all keep the name that was suggested or typed.

import { type FormEvent, useEffect, useRef, useState } from "react";

import { nameable } from "../../browser/register";
import { useText } from "../../i18n/text";
import { Button, named } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";

// The challenge of the passkey lives five minutes; it is not kept waiting longer
// than this.
const PATIENCE_MS = 2 * 60 * 1000;

interface Asked {
  suggested: string;
  settle: (name: string) => void;
}

export interface Naming {
  ask: (suggested: string) => Promise<string>;
  dialog: React.ReactNode;
}

export function useNaming(): Naming {
  const [asked, setAsked] = useState<Asked | null>(null);
  const ask = (suggested: string) =>
    new Promise<string>((settle) => setAsked({ suggested, settle })).finally(() => setAsked(null));
  return { ask, dialog: asked && <NamingDialog {...asked} /> };
}

export function NamingDialog({ suggested, settle }: Asked) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const keep = () => settle(nameable(field.current?.value ?? "") || suggested);
    const timer = setTimeout(keep, PATIENCE_MS);
    window.addEventListener("pagehide", keep);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", keep);
    };
  }, [suggested, settle]);

  function submit(event: FormEvent) {
    event.preventDefault();
    settle(nameable(field.current?.value ?? "") || suggested);
  }

  return (
    <Dialog
      open
      onClose={() => settle(suggested)}
      name="naming"
      title={text("passkeys.name.heading")}
      text={text("passkeys.name.text")}
    >
      <form onSubmit={submit} noValidate>
        <Field name="passkey-name" label={text("passkeys.name.field")} defaultValue={suggested} maxLength={64} ref={field} autoComplete="off" />
        <Button {...named("keep-name")} type="submit" kind="primary">
          {text("save")}
        </Button>
      </form>
    </Dialog>
  );
}
