// Development only: the mails that this server would have sent.

import "../styles/dev.css";

import { useCallback, useEffect, useRef, useState } from "react";

import { get } from "../api/call";
import { useText } from "../i18n/text";
import { useSite } from "../site";
import { useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { explain } from "../ui/notice";
import { Page } from "../ui/Page";
import { useMoment } from "../ui/Time";
import { linksOf } from "./links";

interface Listed {
  id: string;
  to: string;
  subject: string;
  at: string;
}

interface Mail extends Listed {
  text: string;
}

// How often the list is read anew while it is looked at.
const EVERY_MS = 2000;

export default function Mailbox() {
  const text = useText();
  const site = useSite();
  const activity = useActivity();
  const moment = useMoment();
  const [mails, setMails] = useState<Listed[] | null>(null);
  const [shown, setShown] = useState<Mail | null>(null);
  const { say } = activity;

  const open = useCallback(
    (id: string) => {
      get<Mail>(`/dev/mails/${id}`)
        .then(setShown)
        .catch((error: unknown) => say(explain(error)));
    },
    [say],
  );
  // Who comes here wants the newest.
  const newest = mails?.[0]?.id;
  const opened = useRef(false);
  useEffect(() => {
    if (!newest || opened.current) return;
    opened.current = true;
    open(newest);
  }, [newest, open]);

  useEffect(() => {
    const look = () => {
      if (document.hidden) return;
      get<{ mails: Listed[] }>("/dev/mails")
        .then((answer) => setMails(answer.mails))
        .catch((error: unknown) => say(explain(error)));
    };
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => clearInterval(timer);
  }, [say]);

  return (
    <Page page="mail" activity={activity}>
      <h1>{text("title.mail", { name: site.name })}</h1>
      <p>This server runs on this machine only: what it would send stands here. The newest 200 are kept until it stops.</p>
      {mails?.length === 0 && <p {...named("no-mail")}>Nothing was sent yet.</p>}
      <div className="mailbox">
        <ul {...named("mails")}>
          {mails?.map((mail) => (
            <li key={mail.id}>
              <Button kind="row" aria-current={shown?.id === mail.id} onClick={() => open(mail.id)}>
                <span className="row-text">
                  <span className="mail-subject" dir="auto">
                    {mail.subject}
                  </span>
                  <span className="passkey-line">
                    {mail.to} · {moment(mail.at).words}
                  </span>
                </span>
              </Button>
            </li>
          ))}
        </ul>
        {shown && <Shown mail={shown} />}
      </div>
    </Page>
  );
}

// The message stands in a frame that can do nothing; its links are listed beside it, to
// be opened here.
function Shown({ mail }: { mail: Mail }) {
  return (
    <article>
      <h2 dir="auto">{mail.subject}</h2>
      <p className="passkey-line">To {mail.to}</p>
      <ul {...named("mail-links")}>
        {linksOf(mail.text).map((link) => (
          <li key={link}>
            <a href={link}>{link.replace(/(#.{12}).*/, "$1…")}</a>
          </li>
        ))}
      </ul>
      <iframe title={mail.subject} src={`/dev/mails/${mail.id}/html`} sandbox="allow-popups allow-popups-to-escape-sandbox" />
      <details>
        <summary>As text</summary>
        <pre tabIndex={0}>{mail.text}</pre>
      </details>
    </article>
  );
}
