import { Plus, UserRound } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";

import type { Account, Accounts as List, Made } from "../../api/admin";
import { useText } from "../../i18n/text";
import { Button, named } from "../../ui/Button";
import { Field, plainName } from "../../ui/Field";
import { Loading } from "../../ui/Loading";
import { useMoment } from "../../ui/Time";
import { Draft, MadeLink } from "./Draft";
import { type Desk, useList } from "./desk";
import { called } from "./roles";

const MANY = 50;

interface Props {
  desk: Desk;
  search: string;
  initial?: { drafting?: boolean; made?: Made };
}

export function Accounts({ desk, search, initial = {} }: Props) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [drafting, setDrafting] = useState(initial.drafting ?? false);
  const [made, setMade] = useState<Made | null>(initial.made ?? null);
  const query = search ? `search=${encodeURIComponent(search)}` : `limit=${MANY}`;
  const list = useList<List, "accounts">(desk, `/v1/admin/accounts?${query}`, "accounts");

  function submit(event: FormEvent) {
    event.preventDefault();
    const name = field.current?.value.trim() ?? "";
    location.assign(name ? `/admin?search=${encodeURIComponent(name)}` : "/admin");
  }

  return (
    <section aria-labelledby="accounts-title">
      <div className="section-head">
        <h2 id="accounts-title">{text("admin.accounts")}</h2>
        {desk.role === "admin" && (
          <Button {...named("add-account")} kind="primary" disabled={desk.activity.busy} onClick={() => setDrafting(true)}>
            <Plus size={20} aria-hidden />
            {text("admin.add")}
          </Button>
        )}
      </div>
      {made && <MadeLink made={made} desk={desk} close={() => setMade(null)} />}
      <form {...named("search-form")} className="inline-form" role="search" onSubmit={submit}>
        <Field name="search" label={text("admin.search")} aria-describedby="search-hint" defaultValue={search} autoComplete="off" maxLength={254} ref={field} {...plainName} />
        <Button {...named("search-go")} type="submit" kind="secondary">
          {text("admin.search.button")}
        </Button>
      </form>
      <p className="hint" id="search-hint">
        {text("admin.search.hint")}
      </p>
      {!list.value && !desk.activity.notice && <Loading rows={3} />}
      <ul {...named("accounts")} className="rows">
        {list.value?.accounts.map((account) => (
          <Row key={account.id} account={account} />
        ))}
      </ul>
      {list.value?.accounts.length === 0 && <p className="muted">{text("admin.search.none")}</p>}
      {search && <a href="/admin">{text("admin.search.all")}</a>}
      {list.more && (
        <Button {...named("more")} kind="quiet" disabled={desk.activity.busy} onClick={list.more}>
          {text("admin.more")}
        </Button>
      )}
      {drafting && (
        <Draft
          what="account"
          desk={desk}
          close={() => setDrafting(false)}
          made={(link) => {
            setMade(link);
            void list.reload();
          }}
        />
      )}
    </section>
  );
}

function Row({ account }: { account: Account }) {
  const text = useText();
  const when = useMoment()(account.created_at);
  const name = called(account);
  const facts = [account.username, account.emails?.[0] ?? account.pending_email].filter((fact) => fact && fact !== name);
  return (
    <li data-testid="account" data-id={account.id}>
      <span className="tile" aria-hidden="true">
        <UserRound size={20} />
      </span>
      <div className="row-text">
        <div className="row-head">
          <h3 dir="auto">
            <a href={`/admin?account=${account.id}`}>{name}</a>
          </h3>
          <Badges account={account} />
        </div>
        <p className="passkey-line">
          {facts.map((fact) => (
            <span key={fact} dir="auto">
              {fact}
            </span>
          ))}
          <span>{text("admin.passkeys", { count: account.passkeys })}</span>
          <time dateTime={account.created_at} title={when.exact}>
            {text("admin.since", { when: when.words })}
          </time>
        </p>
      </div>
    </li>
  );
}

export function Badges({ account }: { account: Account }) {
  const text = useText();
  return (
    <>
      {account.role !== "member" && <span className="badge">{text(`admin.role.${account.role}`)}</span>}
      {account.disabled && (
        <span className="badge" data-kind="warn">
          {text("admin.disabled")}
        </span>
      )}
    </>
  );
}
