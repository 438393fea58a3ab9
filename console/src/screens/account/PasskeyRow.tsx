import { Pause, Pencil, Play, Trash2 } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";

import type { Passkey } from "../../api/types";
import { providerName } from "../../browser/provider";
import { nameable } from "../../browser/register";
import { useText } from "../../i18n/text";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Mark } from "../../ui/Mark";
import Menu from "../../ui/Menu";
import { useDate, useMoment } from "../../ui/Time";

export type Change = "suspend" | "restore" | "delete";

interface Props {
  passkey: Passkey;
  replacement?: Passkey | undefined;
  only: boolean; // nothing else signs in
  here: boolean; // it is on this device
  busy: boolean;
  renaming?: boolean;
  rename: (name: string) => void;
  change: (what: Change) => void;
}

export function PasskeyRow({ passkey, replacement, only, here, busy, renaming = false, rename, change }: Props) {
  const text = useText();
  const [editing, setEditing] = useState(renaming);
  const name = passkey.name || text("passkeys.unnamed");
  const items = [
    { name: "rename", label: text("passkeys.rename"), icon: <Pencil size={20} aria-hidden />, act: () => setEditing(true) },
    passkey.suspended
      ? { name: "restore", label: text("passkeys.restore"), icon: <Play size={20} aria-hidden />, act: () => change("restore") }
      : { name: "suspend", label: text("passkeys.suspend"), icon: <Pause size={20} aria-hidden />, act: () => change("suspend") },
    {
      name: "delete",
      label: text("passkeys.delete"),
      icon: <Trash2 size={20} aria-hidden />,
      danger: true,
      act: () => change("delete"),
    },
  ];
  return (
    <li data-testid="passkey" data-id={passkey.id}>
      <Mark provider={providerName(passkey.aaguid)} />
      <div className="row-text">
        {editing ? (
          <Rename
            name={passkey.name}
            done={(changed) => {
              setEditing(false);
              if (changed && changed !== passkey.name) rename(changed);
            }}
          />
        ) : (
          <div className="row-head">
            <h3 className="passkey-name" dir="auto">
              {name}
            </h3>
            <Badge passkey={passkey} only={only} here={here} />
          </div>
        )}
        <Line passkey={passkey} />
        {passkey.held_until && <p className="passkey-line">{text("passkeys.held.hint")}</p>}
        {replacement && (
          <button type="button" className="hint-action" data-testid="replaced" disabled={busy} onClick={() => change("delete")}>
            {text("passkeys.replaced", { name: replacement.name || text("passkeys.unnamed") })}
          </button>
        )}
      </div>
      {!editing && <Menu label={text("passkeys.menu", { name })} items={items} disabled={busy} />}
    </li>
  );
}

// A badge stands there only when something matters, and only the one that matters
// most.
function Badge({ passkey, only, here }: { passkey: Passkey; only: boolean; here: boolean }) {
  const text = useText();
  const date = useDate();
  if (passkey.suspended) {
    return (
      <span className="badge" data-kind="warn">
        {text("passkeys.badge.suspended")}
      </span>
    );
  }
  if (passkey.held_until) {
    return (
      <span className="badge" data-kind="warn">
        {text("passkeys.badge.held", { when: date(passkey.held_until) })}
      </span>
    );
  }
  return (
    <>
      {only && <span className="badge">{text("passkeys.badge.only")}</span>}
      {passkey.this_session && (
        <span className="badge">{text(here ? "passkeys.badge.here" : "passkeys.badge.session")}</span>
      )}
    </>
  );
}

function Line({ passkey }: { passkey: Passkey }) {
  const text = useText();
  const moment = useMoment();
  const when = moment(passkey.last_used_at ?? passkey.created_at);
  const provider = providerName(passkey.aaguid);
  return (
    <p className="passkey-line">
      {provider && provider !== passkey.name && <span>{provider}</span>}
      <span>{text(passkey.backed_up ? "passkeys.synced" : "passkeys.one-device")}</span>
      <time dateTime={passkey.last_used_at ?? passkey.created_at} title={when.exact}>
        {text(passkey.last_used_at ? "passkeys.last-used" : "passkeys.created", { when: when.words })}
      </time>
      {passkey.times_used > 0 && <span>{text("passkeys.times", { count: passkey.times_used })}</span>}
    </p>
  );
}

function Rename({ name, done }: { name: string; done: (changed?: string) => void }) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState(false);

  function submit(event: FormEvent) {
    event.preventDefault();
    const changed = nameable(field.current?.value ?? "");
    if (changed) return done(changed);
    setFault(true);
    field.current?.focus();
  }
  function leave(event: KeyboardEvent) {
    if (event.key === "Escape") done();
  }
  return (
    <form className="rename" onSubmit={submit} onKeyDown={leave} noValidate>
      <Field
        name="rename"
        label={text("passkeys.rename.field")}
        defaultValue={name}
        maxLength={64}
        autoComplete="off"
        autoFocus
        onFocus={(event) => event.target.select()}
        fault={fault ? text("passkeys.rename.empty") : undefined}
        ref={field}
      />
      <div className="rename-actions">
        <Button kind="secondary" onClick={() => done()}>
          {text("cancel")}
        </Button>
        <Button kind="primary" type="submit" data-testid="save-name">
          {text("save")}
        </Button>
      </div>
    </form>
  );
}
