// What is asked before something is done to somebody's account, and why it is done.

import { type FormEvent, useRef, useState } from "react";

import { type Key, useText } from "../../i18n/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";

export interface Question {
  heading: Key;
  text: Key;
  button: Key;
  name: string; // what it is about
  danger?: boolean;
  required?: boolean; // it takes a reason
  go: (reason: string) => void;
}

export function Ask({ question, close }: { question: Question; close: () => void }) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState(false);
  const { name } = question;

  function submit(event: FormEvent) {
    event.preventDefault();
    const reason = field.current?.value.trim() ?? "";
    if (question.required && !reason) {
      setFault(true);
      return field.current?.focus();
    }
    close();
    question.go(reason);
  }

  return (
    <Dialog open onClose={close} name="ask" title={text(question.heading, { name })} text={text(question.text, { name })}>
      <form onSubmit={submit} noValidate>
        <Field
          name="reason"
          label={text(question.required ? "admin.reason" : "admin.reason.optional")}
          hint={text("admin.reason.hint")}
          fault={fault ? text("admin.reason.missing") : undefined}
          maxLength={200}
          autoComplete="off"
          ref={field}
        />
        <div className="dialog-actions">
          <Button kind="secondary" onClick={close}>
            {text("cancel")}
          </Button>
          <Button kind={question.danger ? "danger" : "primary"} type="submit" data-testid="ask-sure">
            {text(question.button)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
