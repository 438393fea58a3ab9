import { useEffect } from "react";

import { signInFirst } from "../browser/next";
import type { Notice } from "../ui/notice";

// useLeaving leads somebody whose session has ended to where they can sign in.
export function useLeaving(notice: Notice | null): void {
  useEffect(() => {
    if (notice?.key === "error.signed-out") signInFirst();
  }, [notice]);
}
