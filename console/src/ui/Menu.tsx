// A menu behind a button with three dots. Not modal: a modal one would lock scrolling
// through a style element, which the pages' policy forbids.

import "../styles/overlays.css";

import * as Radix from "@radix-ui/react-dropdown-menu";
import { Ellipsis } from "lucide-react";
import { type ReactNode, useRef } from "react";

export interface Item {
  name: string;
  label: string;
  icon: ReactNode;
  danger?: boolean;
  act: () => void;
}

interface Props {
  label: string;
  items: Item[];
  disabled?: boolean;
  defaultOpen?: boolean;
}

export default function Menu({ label, items, disabled = false, defaultOpen = false }: Props) {
  const trigger = useRef<HTMLButtonElement>(null);
  const chosen = useRef<(() => void) | null>(null);
  // What was chosen runs once the focus is back: a dialog that it opens returns there.
  const leave = (event: Event) => {
    if (chosen.current) {
      event.preventDefault();
      trigger.current?.focus();
    }
    chosen.current?.();
    chosen.current = null;
  };
  return (
    <Radix.Root modal={false} defaultOpen={defaultOpen}>
      <Radix.Trigger
        className="button icon"
        aria-label={label}
        title={label}
        disabled={disabled}
        data-testid="menu"
        ref={trigger}
      >
        <Ellipsis size={20} aria-hidden />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align="end" sideOffset={4} collisionPadding={8} loop onCloseAutoFocus={leave}>
          {items.map((item) => (
            <Radix.Item
              key={item.name}
              className={item.danger ? "menu-item danger" : "menu-item"}
              data-testid={`menu-${item.name}`}
              onSelect={() => {
                chosen.current = item.act;
              }}
            >
              {item.icon}
              {item.label}
            </Radix.Item>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
