// What stands for whoever keeps a passkey: letters of their name on a neutral tile, or
// a key where nobody is known. The name itself is written beside it.

import { KeyRound } from "lucide-react";

import { monogram } from "../browser/provider";

export function Mark({ provider }: { provider: string | undefined }) {
  return (
    <span className="tile" aria-hidden="true">
      {provider ? (
        <svg width={28} height={28} viewBox="0 0 28 28">
          <text x={14} y={14} dy="0.36em" textAnchor="middle" fontSize={14} fontWeight={650} fill="currentColor">
            {monogram(provider)}
          </text>
        </svg>
      ) : (
        <KeyRound size={20} />
      )}
    </span>
  );
}
