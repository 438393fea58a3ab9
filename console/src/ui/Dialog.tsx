// A dialog: it holds the focus and gives it back. Radix's own Overlay is left out on
// purpose: it locks scrolling through a style element, which the pages' policy
// forbids. Ours is a plain element, and the style sheet locks scrolling.

import "../styles/overlays.css";

import * as Radix from "@radix-ui/react-dialog";
import { type ReactNode, useRef } from "react";

interface Props {
  open: boolean;
  onClose: () => void;
  name: string;
  title: string;
  text?: string;
  children: ReactNode;
}

export function Dialog({ open, onClose, name, title, text, children }: Props) {
  // Radix gives the focus back to a trigger of its own; ours are opened by other means.
  const before = useRef<Element | null>(null);
  const leave = (event: Event) => {
    event.preventDefault();
    if (before.current instanceof HTMLElement) before.current.focus();
  };
  return (
    <Radix.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Radix.Portal>
        <div className="veil">
          <Radix.Content
            className="dialog"
            data-testid={name}
            onOpenAutoFocus={() => {
              before.current = document.activeElement;
            }}
            onCloseAutoFocus={leave}
            {...(text ? {} : { "aria-describedby": undefined })}
          >
            <Radix.Title dir="auto">{title}</Radix.Title>
            {text && <Radix.Description dir="auto">{text}</Radix.Description>}
            {children}
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}
