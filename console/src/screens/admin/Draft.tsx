// A new account, or an invitation to open one: who it is for, and the link that comes of
// it, which is shown once.

import { type FormEvent, useRef, useState } from "react";

import { post } from "../../api/call";
import type { Added, Made, Role } from "../../api/admin";
import { unfit } from "../../browser/username";
import { type Key, useText } from "../../i18n/text";
import { useSite } from "../../site";
import { Button, named } from "../../ui/Button";
import { Choice } from "../../ui/Choice";
import { Dialog } from "../../ui/Dialog";
import { Field, plainName } from "../../ui/Field";
import { useDate } from "../../ui/Time";
import type { Desk } from "./desk";
import { above, useRoles } from "./roles";

interface Props {
  what: "account" | "invitation";
  desk: Desk;
  close: () => void;
  made: (made: Made) => void;
}

interface Said {
  username?: string | undefined;
  email: string | undefined;
  display_name: string | undefined;
  role: Role;
  deliver?: boolean;
}

export function Draft({ what, desk, close, made }: Props) {
  const text = useText();
  const site = useSite();
  const roles = useRoles();
  const form = useRef<HTMLFormElement>(null);
  const [missing, setMissing] = useState<Key | null>(null);
  const isAccount = what === "account";
  // Whoever sees the link of an account could be it: that of an equal is mailed, or not made.
  const open = site.mail || !isAccount ? roles : roles.filter(([role]) => above(desk.role, role));

  function submit(event: FormEvent) {
    event.preventDefault();
    const said = new FormData(form.current ?? undefined);
    const value = (name: string) => String(said.get(name) ?? "").trim() || undefined;
    const draft = {
      ...(isAccount ? { username: value("username") } : {}),
      email: value("email"),
      display_name: value("display-name"),
      role: (value("role") ?? "member") as Role,
      ...(said.get("deliver") ? { deliver: true } : {}),
    };
    const lacks = fault(draft);
    setMissing(lacks);
    if (!lacks) return void send(draft);
    form.current?.querySelector<HTMLInputElement>(lacks === "admin.deliver.missing" ? "#deliver" : "input")?.focus();
  }

  function fault({ username, email, role, deliver }: Said): Key | null {
    if (deliver && !email) return "sign-up.email-missing";
    if (!isAccount) return null;
    if (!username && !email) return "admin.one-of";
    if (username && unfit(username)) return unfit(username);
    return deliver || above(desk.role, role) ? null : "admin.deliver.missing";
  }

  // What was typed stays until it went well.
  async function send(draft: Said): Promise<void> {
    const well = await desk.act(async () => {
      if (isAccount) made((await post<Added>("/v1/admin/accounts", draft)).enrolment);
      else made(await post<Made>("/v1/admin/invitations", draft));
      return { kind: "ok", key: isAccount ? "admin.added" : "admin.invited" };
    });
    if (well) close();
  }

  function leave() {
    desk.activity.say(null);
    close();
  }

  const wrong = desk.activity.notice;
  const about = (key: Key) => (missing === key ? text(key) : undefined);
  return (
    <Dialog open onClose={leave} name="draft" title={text(isAccount ? "admin.add" : "admin.invite")}>
      <form onSubmit={submit} noValidate ref={form}>
        {isAccount && <Field name="username" label={text("profile.username")} fault={about("admin.one-of") ?? about("sign-up.username-address")} autoComplete="off" maxLength={64} {...plainName} />}
        <Field name="email" type="email" label={text("profile.email")} fault={about("sign-up.email-missing")} autoComplete="off" maxLength={254} {...plainName} />
        <Field name="display-name" label={text("passkeys.name.field")} autoComplete="off" maxLength={64} />
        <Choice name="role" label={text("admin.role")} options={open} defaultValue="member" />
        {site.mail && (
          <label className="check">
            <input {...named("deliver")} name="deliver" type="checkbox" />
            {text("admin.deliver")}
          </label>
        )}
        {missing === "admin.deliver.missing" && (
          <p {...named("deliver-error")} className="status" data-kind="error" role="alert">
            {text(missing)}
          </p>
        )}
        {wrong?.kind === "error" && (
          <p className="status" data-kind="error">
            {text(wrong.key, wrong.values)}
          </p>
        )}
        <div className="dialog-actions">
          <Button kind="secondary" onClick={leave}>
            {text("cancel")}
          </Button>
          <Button {...named("draft-sure")} kind="primary" type="submit" disabled={desk.activity.busy}>
            {text(isAccount ? "admin.create" : "admin.invite")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

// MadeLink shows a link that was just made, once, or says that it was mailed.
export function MadeLink({ made, desk, close }: { made: Made; desk: Desk; close: () => void }) {
  const text = useText();
  const date = useDate();
  const values = { when: date(made.expires_at) };
  const { link } = made;
  const copy = async () => {
    await navigator.clipboard.writeText(link ?? "");
    desk.activity.say({ kind: "ok", key: "admin.link.copied" });
  };
  return (
    <div className="offer" data-testid="made-link">
      <h2>{text("admin.link.heading")}</h2>
      {made.mailed && <p>{text("admin.link.mailed", values)}</p>}
      {link && (
        <>
          <p>{text("admin.link.once", values)}</p>
          <p className="link-text" dir="ltr" tabIndex={0}>
            <code {...named("link-text")}>{link}</code>
          </p>
        </>
      )}
      <div className="dialog-actions">
        <Button kind="secondary" onClick={close}>
          {text("close")}
        </Button>
        {link && (
          <Button {...named("copy-link")} kind="primary" onClick={() => void copy()}>
            {text("admin.link.copy")}
          </Button>
        )}
      </div>
    </div>
  );
}
