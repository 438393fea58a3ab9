import { KeyRound, Plus } from "lucide-react";
import { useRef, useState } from "react";

import { call } from "../../api/call";
import type { Passkey } from "../../api/types";
import { isHere, make } from "../../browser/passkey";
import { suggestion } from "../../browser/provider";
import { finish, nameable } from "../../browser/register";
import { sessionIsHere } from "../../browser/remembered";
import { useText } from "../../i18n/text";
import type { Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import type { Notice } from "../../ui/notice";
import { Confirm, type Question } from "./Confirm";
import { type Change, PasskeyRow } from "./PasskeyRow";
import { useNaming } from "./naming";
import { replacedBy } from "./replaced";
import type { StepUp } from "./stepup";

export interface PasskeysProps {
  passkeys: Passkey[];
  activity: Activity;
  stepUp: StepUp;
  changed: (notice: Notice) => Promise<void>;
  madeHere: () => void;
  faster: boolean; // offer a passkey for this device
  later: () => void;
  initial?: { question?: Question; renaming?: boolean };
}

export function Passkeys(props: PasskeysProps) {
  const { passkeys, activity, stepUp, changed, initial = {} } = props;
  const text = useText();
  const naming = useNaming();
  const adding = useRef<HTMLButtonElement>(null);
  const [question, setQuestion] = useState<Question | null>(initial.question ?? null);
  const active = passkeys.filter((passkey) => !passkey.suspended && !passkey.held_until);

  // run does one thing and tells how it went; the list is read anew either way, since
  // somebody else may have changed it.
  async function run(work: () => Promise<Notice>, again: () => void): Promise<void> {
    let notice: Notice | null = null;
    const well = await activity.attempt(async () => {
      notice = await work();
    }, again);
    if (well && notice) await changed(notice);
  }

  async function add(): Promise<void> {
    await run(async () => {
      const made = await stepUp.fresh(() => make("/v1/passkeys/options", {}));
      const suggested = suggestion(made.credential, navigator.userAgent);
      const name = await naming.ask(nameable("key" in suggested ? text(suggested.key) : suggested.name));
      await stepUp.fresh(() => finish<Passkey>("/v1/passkeys", made, name, { keepalive: true }));
      if (isHere(made.credential)) props.madeHere();
      return { kind: "ok", key: "passkeys.added" };
    }, () => void add());
  }

  const edit = (passkey: Passkey, body: object, key: Notice["key"], name: string): Promise<void> =>
    run(async () => {
      await stepUp.fresh(() => call("PATCH", `/v1/passkeys/${passkey.id}`, body));
      return { kind: "ok", key, values: { name } };
    }, () => void edit(passkey, body, key, name));

  const remove = (passkey: Passkey, name: string): Promise<void> =>
    run(async () => {
      await stepUp.fresh(() => call("DELETE", `/v1/passkeys/${passkey.id}`));
      adding.current?.focus();
      return { kind: "ok", key: "passkeys.deleted", values: { name } };
    }, () => void remove(passkey, name));

  function change(passkey: Passkey, what: Change) {
    const name = passkey.name || text("passkeys.unnamed");
    if (what === "restore") return void edit(passkey, { suspended: false }, "passkeys.restored", name);
    const only = active.length === 1 && active[0]?.id === passkey.id;
    setQuestion({ passkey, what, only });
  }

  function sure({ passkey, what }: Question) {
    const name = passkey.name || text("passkeys.unnamed");
    setQuestion(null);
    if (what === "delete") void remove(passkey, name);
    else void edit(passkey, { suspended: true }, "passkeys.suspended", name);
  }

  return (
    <section aria-labelledby="passkeys-title" id="section-passkeys">
      <div className="section-head">
        <h2 id="passkeys-title">{text("passkeys.heading")}</h2>
        <Button {...named("add")} kind="primary" disabled={activity.busy} onClick={() => void add()} ref={adding}>
          <Plus size={20} aria-hidden />
          {text("passkeys.add")}
        </Button>
      </div>
      {props.faster && <Faster busy={activity.busy} create={() => void add()} later={props.later} />}
      {passkeys.length === 0 && !props.faster && (
        <div className="empty">
          <KeyRound size={40} strokeWidth={1.5} aria-hidden />
          <p>{text("passkeys.empty")}</p>
        </div>
      )}
      <ul {...named("passkeys")} className="rows">
        {passkeys.map((passkey) => (
          <PasskeyRow
            key={passkey.id}
            passkey={passkey}
            replacement={replacedBy(passkey, passkeys)}
            only={active.length === 1 && active[0]?.id === passkey.id}
            here={passkey.this_session && sessionIsHere()}
            busy={activity.busy}
            renaming={initial.renaming ?? false}
            rename={(name) => void edit(passkey, { name }, "passkeys.renamed", name)}
            change={(what) => change(passkey, what)}
          />
        ))}
      </ul>
      {active.length === 1 && <p className="aside">{text("passkeys.only.hint")}</p>}
      {question && (
        <Confirm
          question={question}
          close={() => setQuestion(null)}
          sure={() => sure(question)}
          add={() => {
            setQuestion(null);
            void add();
          }}
        />
      )}
      {naming.dialog}
    </section>
  );
}

function Faster({ busy, create, later }: { busy: boolean; create: () => void; later: () => void }) {
  const text = useText();
  return (
    <div className="offer" data-testid="faster">
      <h3>{text("faster.heading")}</h3>
      <p>{text("faster.text")}</p>
      <div className="dialog-actions">
        <Button kind="secondary" disabled={busy} onClick={later} data-testid="faster-later">
          {text("faster.later")}
        </Button>
        <Button kind="primary" disabled={busy} onClick={create} data-testid="faster-create">
          {text("faster.create")}
        </Button>
      </div>
    </div>
  );
}
