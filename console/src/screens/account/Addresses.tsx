// The addresses of an account: those that are proved, the one that waits for its proof,
// and a field for another one.

import { type FormEvent, useRef, useState } from "react";

import { Problem, call } from "../../api/call";
import { useText } from "../../i18n/text";
import { useSite } from "../../site";
import { Button, named } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field, plainName } from "../../ui/Field";
import type { Notice } from "../../ui/notice";
import type { ProfileProps } from "./Profile";

const last: Notice = { kind: "error", key: "profile.email.last" };

export function Addresses({ account, activity, stepUp, changed, removing }: ProfileProps) {
  const text = useText();
  const site = useSite();
  const field = useRef<HTMLInputElement>(null);
  const [question, setQuestion] = useState<string | null>(removing ?? null);
  const [fault, setFault] = useState(false);
  const proved = account.emails ?? [];
  const { pending_email: pending } = account;

  async function add(email: string): Promise<void> {
    const well = await activity.attempt(
      () => stepUp.fresh(() => call("PATCH", "/v1/account", { email })),
      () => void add(email),
    );
    if (!well) return;
    if (field.current) field.current.value = "";
    await changed({ kind: "ok", key: "profile.email.asked", values: { email } });
  }

  async function remove(email: string): Promise<void> {
    setQuestion(null);
    let only = false;
    const well = await activity.attempt(
      () =>
        stepUp
          .fresh(() => call("DELETE", `/v1/account/emails/${encodeURIComponent(email)}`))
          .then(() => undefined)
          .catch((error: unknown) => {
            only = error instanceof Problem && error.code === "last_passkey";
            throw error;
          }),
      () => void remove(email),
    );
    if (only) activity.say(last);
    if (well) await changed({ kind: "ok", key: "profile.email.removed", values: { email } });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const email = field.current?.value.trim() ?? "";
    setFault(!email.includes("@"));
    if (email.includes("@")) void add(email);
    else field.current?.focus();
  }

  // Without mail there is nothing to prove an address with.
  if (proved.length === 0 && !pending && !site.mail) return null;
  const about = activity.notice?.field ? text(activity.notice.key) : undefined;
  return (
    <>
      <h3 className="sub" id="emails-title">
        {text("profile.emails")}
      </h3>
      <ul {...named("emails")} className="rows" aria-labelledby="emails-title">
        {[...proved, ...(pending ? [pending] : [])].map((email, n) => (
          <li key={email} data-testid={email === pending ? "pending-email" : "email"}>
            <div className="row-text">
              <div className="row-head">
                <span dir="auto">{email}</span>
                {email === pending && <span className="badge">{text("profile.email.pending")}</span>}
                {n === 0 && proved.length > 1 && <span className="badge">{text("profile.email.first")}</span>}
              </div>
              {email === pending && <p className="passkey-line">{text("profile.email.pending.hint", { email })}</p>}
            </div>
            <Button
              kind="quiet"
              disabled={activity.busy}
              data-testid="remove-email"
              aria-label={text("profile.email.remove.label", { email })}
              onClick={() => (email === pending ? void remove(email) : setQuestion(email))}
            >
              {text("profile.email.remove")}
            </Button>
          </li>
        ))}
      </ul>
      {site.mail && (
        <form {...named("add-email")} className="inline-form" onSubmit={submit} noValidate>
          <Field
            name="new-email"
            label={text("profile.email.add")}
            type="email"
            fault={fault ? text("sign-up.email-missing") : about}
            autoComplete="email"
            maxLength={254}
            ref={field}
            {...plainName}
          />
          <Button {...named("save-email")} type="submit" kind="secondary" disabled={activity.busy}>
            {text("profile.email.add.button")}
          </Button>
        </form>
      )}
      {question && (
        <Dialog
          open
          onClose={() => setQuestion(null)}
          name="remove-email-dialog"
          title={text("profile.email.remove.heading", { email: question })}
          text={text("profile.email.remove.text")}
        >
          <div className="dialog-actions">
            <Button kind="secondary" onClick={() => setQuestion(null)}>
              {text("cancel")}
            </Button>
            <Button kind="danger" onClick={() => void remove(question)} data-testid="remove-email-sure">
              {text("profile.email.remove")}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
