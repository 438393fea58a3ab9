import { type FormEvent, useRef } from "react";

import { call } from "../../api/call";
import type { Account } from "../../api/types";
import { useText } from "../../i18n/text";
import type { Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import { Field } from "../../ui/Field";
import type { Notice } from "../../ui/notice";
import { Addresses } from "./Addresses";
import type { StepUp } from "./stepup";

export interface ProfileProps {
  account: Account;
  activity: Activity;
  stepUp: StepUp;
  changed: (notice: Notice) => Promise<void>;
  removing?: string; // an address
}

export function Profile(props: ProfileProps) {
  const { account, activity, changed } = props;
  const text = useText();
  const field = useRef<HTMLInputElement>(null);

  async function save(): Promise<void> {
    const name = field.current?.value.trim() ?? "";
    const well = await activity.attempt(
      () => call("PATCH", "/v1/account", { display_name: name }),
      () => void save(),
    );
    if (well) await changed({ kind: "ok", key: "profile.saved" });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void save();
  }

  return (
    <section aria-labelledby="profile-title" id="section-profile">
      <div className="section-head">
        <h2 id="profile-title">{text("profile.heading")}</h2>
      </div>
      {account.username && (
        <dl className="facts">
          <dt>{text("profile.username")}</dt>
          <dd dir="auto">{account.username}</dd>
        </dl>
      )}
      <form {...named("profile")} className="inline-form" onSubmit={submit} noValidate>
        <Field
          key={account.display_name}
          name="display-name"
          label={text("profile.name")}
          defaultValue={account.display_name ?? ""}
          autoComplete="name"
          maxLength={64}
          ref={field}
        />
        <Button {...named("save-profile")} type="submit" kind="secondary" disabled={activity.busy}>
          {text("save")}
        </Button>
      </form>
      <Addresses {...props} />
    </section>
  );
}
