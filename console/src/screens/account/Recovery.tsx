// Recovery codes: how many are left, new ones shown once, and the proof that they were
// saved.

import { Copy, Download, LifeBuoy, Printer } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";

import { Problem, post } from "../../api/call";
import type { RecoveryCodes } from "../../api/types";
import { useText } from "../../i18n/text";
import type { Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field, plainName } from "../../ui/Field";
import type { Notice } from "../../ui/notice";
import { useMoment } from "../../ui/Time";
import { download, inGroups } from "./codes";
import type { StepUp } from "./stepup";

export interface RecoveryProps {
  codes: RecoveryCodes;
  name: string; // whose they are, for the file
  activity: Activity;
  stepUp: StepUp;
  changed: (notice: Notice) => Promise<void>;
  initial?: { fresh?: string[]; asking?: boolean };
}

export function Recovery({ codes, name, activity, stepUp, changed, initial = {} }: RecoveryProps) {
  const text = useText();
  const [fresh, setFresh] = useState<string[] | null>(initial.fresh ?? null);
  const [asking, setAsking] = useState(initial.asking ?? false);
  const made = codes.made_at !== undefined;

  async function create(): Promise<void> {
    setAsking(false);
    const well = await activity.attempt(
      async () => setFresh((await stepUp.fresh(() => post<{ codes: string[] }>("/v1/account/recovery-codes"))).codes),
      () => void create(),
    );
    if (well) activity.rest(false);
  }

  async function prove(code: string): Promise<void> {
    let wrong = false;
    const well = await activity.attempt(
      () =>
        post<void>("/v1/account/recovery-codes/confirm", { code }).catch((error: unknown) => {
          wrong = error instanceof Problem && error.fields.includes("code");
          throw error;
        }),
      () => void prove(code),
    );
    if (wrong) activity.say({ kind: "error", key: "recovery.prove.wrong" });
    if (!well) return;
    setFresh(null);
    await changed({ kind: "ok", key: "recovery.saved" });
  }

  return (
    <section aria-labelledby="recovery-title" id="section-recovery">
      <div className="section-head">
        <h2 id="recovery-title">{text("recovery.heading")}</h2>
        {!fresh && (
          <Button {...named("make-codes")} kind="quiet" disabled={activity.busy} onClick={() => (codes.left > 0 ? setAsking(true) : void create())}>
            {text(made ? "recovery.renew" : "recovery.create")}
          </Button>
        )}
      </div>
      {fresh ? <Fresh codes={fresh} name={name} say={activity.say} /> : <Left codes={codes} />}
      {(fresh !== null || (codes.left > 0 && !codes.saved)) && <Prove busy={activity.busy} prove={(code) => void prove(code)} />}
      {asking && (
        <Dialog open onClose={() => setAsking(false)} name="renew-codes" title={text("recovery.renew.heading")} text={text("recovery.renew.text")}>
          <div className="dialog-actions">
            <Button kind="secondary" onClick={() => setAsking(false)}>
              {text("cancel")}
            </Button>
            <Button kind="primary" onClick={() => void create()} data-testid="renew-sure">
              {text("recovery.renew")}
            </Button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

function Left({ codes }: { codes: RecoveryCodes }) {
  const text = useText();
  const moment = useMoment();
  if (codes.made_at === undefined) return <p className="muted">{text("recovery.none")}</p>;
  const when = moment(codes.made_at);
  return (
    <div className="row-still">
      <span className="tile" aria-hidden="true">
        <LifeBuoy size={20} />
      </span>
      <div className="row-text">
        <div className="row-head">
          <h3 {...named("codes-left")}>{text("recovery.left", { left: codes.left })}</h3>
          {codes.left > 0 && !codes.saved && (
            <span className="badge" data-kind="warn">
              {text("recovery.unsaved")}
            </span>
          )}
        </div>
        <p className="passkey-line">
          <time dateTime={codes.made_at} title={when.exact}>
            {text("recovery.made", { when: when.words })}
          </time>
        </p>
      </div>
    </div>
  );
}

function Fresh({ codes, name, say }: { codes: string[]; name: string; say: Activity["say"] }) {
  const text = useText();
  const shown = codes.map(inGroups);
  const file = [text("recovery.file", { name }), location.origin, "", ...shown, ""].join("\n");
  const copy = async () => {
    await navigator.clipboard.writeText(shown.join("\n"));
    say({ kind: "ok", key: "recovery.copied" });
  };
  return (
    <div className="offer fresh-codes">
      <h3 tabIndex={-1} ref={(heading) => heading?.focus()}>
        {text("recovery.codes")}
      </h3>
      <p>{text("recovery.once")}</p>
      <ol {...named("codes")} dir="ltr">
        {shown.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className="dialog-actions">
        <Button {...named("copy-codes")} kind="secondary" onClick={() => void copy()}>
          <Copy size={20} aria-hidden />
          {text("recovery.copy")}
        </Button>
        <Button {...named("download-codes")} kind="secondary" onClick={() => download("recovery-codes.txt", file)}>
          <Download size={20} aria-hidden />
          {text("recovery.download")}
        </Button>
        <Button {...named("print-codes")} kind="secondary" onClick={() => window.print()}>
          <Printer size={20} aria-hidden />
          {text("recovery.print")}
        </Button>
      </div>
    </div>
  );
}

function Prove({ busy, prove }: { busy: boolean; prove: (code: string) => void }) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState(false);

  function submit(event: FormEvent) {
    event.preventDefault();
    const code = field.current?.value.trim() ?? "";
    setFault(!code);
    if (code) prove(code);
    else field.current?.focus();
  }

  return (
    <form {...named("prove-code")} className="inline-form" onSubmit={submit} noValidate>
      <Field
        name="saved-code"
        label={text("recovery.prove")}
        fault={fault ? text("recover.code-missing") : undefined}
        autoComplete="off"
        maxLength={64}
        ref={field}
        {...plainName}
        dir="ltr"
      />
      <Button {...named("check-saved")} type="submit" kind="secondary" disabled={busy}>
        {text("recovery.prove.button")}
      </Button>
    </form>
  );
}
