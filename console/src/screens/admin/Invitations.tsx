import { Mail, Plus } from "lucide-react";
import { useState } from "react";

import { call } from "../../api/call";
import type { Invitation, Invitations as List, Made } from "../../api/admin";
import { useText } from "../../i18n/text";
import { Button, named } from "../../ui/Button";
import { Loading } from "../../ui/Loading";
import { useDate } from "../../ui/Time";
import { Draft, MadeLink } from "./Draft";
import { type Desk, useList } from "./desk";

export function Invitations({ desk, made: initial = null }: { desk: Desk; made?: Made | null }) {
  const text = useText();
  const date = useDate();
  const [drafting, setDrafting] = useState(false);
  const [made, setMade] = useState<Made | null>(initial);
  const list = useList<List, "invitations">(desk, "/v1/admin/invitations?limit=50", "invitations");

  const withdraw = ({ id }: Invitation) =>
    void desk.act(async () => {
      await call("DELETE", `/v1/admin/invitations/${id}`);
      return { kind: "ok", key: "admin.withdrawn" };
    }, list.reload);

  return (
    <section aria-labelledby="invitations-title">
      <div className="section-head">
        <h2 id="invitations-title">{text("admin.invitations")}</h2>
        <Button {...named("invite")} kind="primary" disabled={desk.activity.busy} onClick={() => setDrafting(true)}>
          <Plus size={20} aria-hidden />
          {text("admin.invite")}
        </Button>
      </div>
      {made && <MadeLink made={made} desk={desk} close={() => setMade(null)} />}
      {!list.value && !desk.activity.notice && <Loading rows={3} />}
      {list.value?.invitations.length === 0 && <p className="muted">{text("admin.no-invitations")}</p>}
      <ul {...named("invitations")} className="rows">
        {list.value?.invitations.map((one) => {
          const name = one.email ?? one.display_name ?? text("admin.anybody");
          return (
            <li key={one.id} data-testid="invitation">
              <span className="tile" aria-hidden="true">
                <Mail size={20} />
              </span>
              <div className="row-text">
                <div className="row-head">
                  <h3 dir="auto">{name}</h3>
                  <span className="badge">{text(`admin.role.${one.role}`)}</span>
                </div>
                <p className="passkey-line">
                  {one.display_name && one.display_name !== name && <span dir="auto">{one.display_name}</span>}
                  <time dateTime={one.expires_at}>{text("admin.until", { when: date(one.expires_at) })}</time>
                </p>
              </div>
              <Button
                kind="quiet"
                data-testid="withdraw"
                disabled={desk.activity.busy}
                aria-label={text("admin.withdraw.label", { name })}
                onClick={() => withdraw(one)}
              >
                {text("admin.withdraw")}
              </Button>
            </li>
          );
        })}
      </ul>
      {list.more && (
        <Button {...named("more")} kind="quiet" disabled={desk.activity.busy} onClick={list.more}>
          {text("admin.more")}
        </Button>
      )}
      {drafting && (
        <Draft
          what="invitation"
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
