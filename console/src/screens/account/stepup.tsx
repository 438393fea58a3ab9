// A fresh proof for what could take an account away: where the server wants one, the
// person confirms with a passkey and goes on.

import { useState } from "react";

import { Problem } from "../../api/call";
import { type Used, use } from "../../browser/passkey";
import { visited } from "../../browser/remembered";
import { useText } from "../../i18n/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { type Notice, explain } from "../../ui/notice";

interface Asked {
  proved: () => void;
  refused: (error: unknown) => void;
}

export interface StepUp {
  // fresh runs work, once more after a proof if the server asks for one.
  fresh: <T>(work: () => Promise<T>) => Promise<T>;
  dialog: React.ReactNode;
}

export function useStepUp(): StepUp {
  const [asked, setAsked] = useState<Asked | null>(null);

  async function fresh<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "step_up_required") throw error;
      await new Promise<void>((proved, refused) => setAsked({ proved, refused })).finally(() => setAsked(null));
      return work();
    }
  }
  return { fresh, dialog: <StepUpDialog asked={asked} /> };
}

export function StepUpDialog({ asked, initial = null }: { asked: Asked | null; initial?: Notice | null }) {
  const text = useText();
  const [busy, setBusy] = useState(false);
  const [notice, setNotice] = useState<Notice | null>(initial);

  async function confirm(): Promise<void> {
    setBusy(true);
    setNotice(null);
    try {
      const used: Used = await use("/v1/step-up/passkey", { begin: {} });
      visited({ here: used.here }, false);
      asked?.proved();
    } catch (error) {
      if (error instanceof Problem && error.code === "unauthenticated") asked?.refused(error);
      const told = explain(error);
      setNotice(told.key === "error.refused" ? { ...told, key: "step-up.failed" } : told);
    }
    setBusy(false);
  }

  function cancel() {
    setNotice(null);
    asked?.refused(new DOMException("", "AbortError"));
  }

  return (
    <Dialog open={asked !== null} onClose={cancel} name="step-up" title={text("step-up.heading")} text={text("step-up.text")}>
      <p className="status" role="status" data-kind={notice?.kind}>
        {notice && text(notice.key, notice.values)}
      </p>
      <div className="dialog-actions">
        <Button kind="secondary" onClick={cancel}>
          {text("cancel")}
        </Button>
        <Button kind="primary" data-testid="step-up-confirm" disabled={busy} onClick={() => void confirm()}>
          {text("step-up.confirm")}
        </Button>
      </div>
    </Dialog>
  );
}
