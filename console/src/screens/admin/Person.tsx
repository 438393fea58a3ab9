// One account, and what can be done to it.

import { ArrowLeft } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";

import { call, get, post } from "../../api/call";
import type { Account, Made } from "../../api/admin";
import type { Passkey, Session } from "../../api/types";
import { useText } from "../../i18n/text";
import { Button, named } from "../../ui/Button";
import { Choice } from "../../ui/Choice";
import { Field } from "../../ui/Field";
import { Loading } from "../../ui/Loading";
import type { Notice } from "../../ui/notice";
import { useMoment } from "../../ui/Time";
import { Actions } from "./Actions";
import { Ask, type Question } from "./Ask";
import { Badges } from "./Accounts";
import { MadeLink } from "./Draft";
import { EventList } from "./Events";
import { Passkeys, Sessions } from "./Ways";
import { type Desk, useReading } from "./desk";
import { above, called, useRoles } from "./roles";

interface Whole {
  account: Account;
  passkeys: Passkey[];
  sessions: Session[];
}

export interface PersonProps {
  desk: Desk;
  id: string;
  initial?: { question?: Omit<Question, "go">; made?: Made };
}

// because puts a reason into the query of a call that has no body.
const because = (reason: string): string => (reason ? `?reason=${encodeURIComponent(reason)}` : "");

export function Person({ desk, id, initial = {} }: PersonProps) {
  const text = useText();
  const path = `/v1/admin/accounts/${id}`;
  const [question, setQuestion] = useState<Question | null>(initial.question ? { ...initial.question, go: () => undefined } : null);
  const [made, setMade] = useState<Made | null>(initial.made ?? null);
  const [turn, setTurn] = useState(0);
  const { value, reload: read } = useReading<Whole>(desk, async () => {
    const [account, { passkeys }, { sessions }] = await Promise.all([
      get<Account>(path),
      get<{ passkeys: Passkey[] }>(`${path}/passkeys`),
      get<{ sessions: Session[] }>(`${path}/sessions?limit=20`),
    ]);
    return { account, passkeys, sessions };
  });
  // What was done is an event too.
  const reload = async () => {
    setTurn((before) => before + 1);
    await read();
  };
  if (!value) return <section>{!desk.activity.notice && <Loading rows={3} />}</section>;

  const { account, passkeys, sessions } = value;
  const { busy } = desk.activity;
  // Whoever stands above looks after an account; what it is an administrator decides.
  const acts = above(desk.role, account.role);
  const decides = acts && desk.role === "admin";
  const name = called(account);
  // does makes what a button does: one call, then what it is called.
  const does = (work: (reason: string) => Promise<unknown>, key: Notice["key"]) => (reason: string) =>
    void desk.act(async () => {
      await work(reason);
      return { kind: "ok", key, values: { name } };
    }, reload);
  const change = (body: object, key: Notice["key"]) => does((reason) => call("PATCH", path, { ...body, ...(reason ? { reason } : {}) }), key);
  const link = (reason: string) =>
    void desk.act(async () => {
      setMade(await post<Made>(`${path}/enrolment-link`, { reason }));
      return null;
    }, reload);
  // Nothing is left to show of an account that is gone.
  const gone = (reason: string) =>
    void desk.act(async () => {
      await call("DELETE", path + because(reason));
      location.assign("/admin");
      return { kind: "ok", key: "admin.delete.done" };
    });

  return (
    <section aria-labelledby="person-title">
      <p>
        <a className="back" href="/admin">
          <ArrowLeft size={20} aria-hidden />
          {text("admin.back")}
        </a>
      </p>
      <div className="row-head">
        <h2 {...named("person-title")} dir="auto">
          {name}
        </h2>
        <Badges account={account} />
      </div>
      <Facts account={account} />
      {made && <MadeLink made={made} desk={desk} close={() => setMade(null)} />}
      {!acts && (
        <p {...named("equal")} className="muted">
          {text("admin.equal")}
        </p>
      )}
      {decides && (
        <>
          <NameForm account={account} busy={busy} change={(display) => change({ display_name: display }, "admin.named")("")} />
          <RoleForm account={account} busy={busy} change={(role) => change({ role }, "admin.role.changed")("")} />
        </>
      )}
      {acts && (
        <Actions
          account={account}
          decides={decides}
          busy={busy}
          ask={setQuestion}
          go={{
            enrol: link,
            end: does((reason) => call("DELETE", `${path}/sessions${because(reason)}`), "admin.end.done"),
            enable: change({ disabled: false }, "admin.enable.done"),
            disable: change({ disabled: true }, "admin.disable.done"),
            delete: gone,
          }}
        />
      )}
      <Passkeys
        passkeys={passkeys}
        acts={acts}
        decides={decides}
        busy={busy}
        ask={setQuestion}
        suspend={(passkey, suspended, reason) =>
          does(() => call("PATCH", `${path}/passkeys/${passkey.id}`, { suspended, reason }), suspended ? "passkeys.suspended" : "passkeys.restored")(reason)
        }
        remove={(passkey, reason) => does(() => call("DELETE", `${path}/passkeys/${passkey.id}${because(reason)}`), "passkeys.deleted")(reason)}
      />
      <Sessions
        sessions={sessions}
        acts={acts}
        busy={busy}
        end={(session, words) =>
          void desk.act(async () => {
            await call("DELETE", `${path}/sessions/${session.id}`);
            return { kind: "ok", key: "sessions.ended", values: { session: words } };
          }, reload)
        }
      />
      <h3 className="sub">{text("admin.events")}</h3>
      <EventList desk={desk} path={`${path}/events?limit=20`} passkeys={passkeys} turn={turn} />
      {question && <Ask question={question} close={() => setQuestion(null)} />}
    </section>
  );
}

function Facts({ account }: { account: Account }) {
  const text = useText();
  const created = useMoment()(account.created_at);
  return (
    <dl className="facts">
      {account.username && (
        <>
          <dt>{text("profile.username")}</dt>
          <dd dir="auto">{account.username}</dd>
        </>
      )}
      {(account.emails?.length || account.pending_email) && (
        <>
          <dt>{text("profile.email")}</dt>
          <dd>
            {account.emails?.map((email) => <div key={email}>{email}</div>)}
            {account.pending_email && (
              <div>
                {account.pending_email} <span className="badge">{text("profile.email.pending")}</span>
              </div>
            )}
          </dd>
        </>
      )}
      <dt>{text("admin.state")}</dt>
      <dd>{text(account.disabled ? "admin.disabled" : "admin.state.active")}</dd>
      <dt>{text("admin.created")}</dt>
      <dd title={created.exact}>{created.words}</dd>
      <dt>{text("admin.id")}</dt>
      <dd>
        <code>{account.id}</code>
      </dd>
    </dl>
  );
}

interface FormProps {
  account: Account;
  busy: boolean;
  change: (to: string) => void;
}

function NameForm({ account, busy, change }: FormProps) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const now = account.display_name ?? "";
  function submit(event: FormEvent) {
    event.preventDefault();
    change(field.current?.value.trim() ?? now);
  }
  return (
    <form {...named("name-form")} className="inline-form" onSubmit={submit} noValidate>
      <Field key={now} name="display-name" label={text("passkeys.name.field")} defaultValue={now} autoComplete="off" maxLength={64} ref={field} />
      <Button {...named("save-name")} type="submit" kind="secondary" disabled={busy}>
        {text("save")}
      </Button>
    </form>
  );
}

function RoleForm({ account, busy, change }: FormProps) {
  const text = useText();
  const roles = useRoles();
  const field = useRef<HTMLSelectElement>(null);
  function submit(event: FormEvent) {
    event.preventDefault();
    change(field.current?.value ?? account.role);
  }
  return (
    <form {...named("role-form")} className="inline-form" onSubmit={submit}>
      <Choice key={account.role} name="role" label={text("admin.role")} options={roles} defaultValue={account.role} ref={field} />
      <Button {...named("save-role")} type="submit" kind="secondary" disabled={busy}>
        {text("admin.role.save")}
      </Button>
    </form>
  );
}
