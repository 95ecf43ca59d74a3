"use client";

import Link from "next/link";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

export type ButtonVariant = "primary" | "plain" | "danger" | "danger-fill" | "ghost";
export type ButtonSize = "sm" | "md" | "lg";

type Look = {
  variant?: ButtonVariant | undefined;
  size?: ButtonSize | undefined;
  /** Fills the width of its place. */
  wide?: boolean | undefined;
};

export type ButtonProps = Omit<ComponentProps<"button">, "disabled"> &
  Look & {
    /** Why the action is not possible now. Disables the button, which stays focusable so that the reason is heard. */
    reason?: ReactNode;
    /** Where the reason is read: beside the button, below it, or only by screen readers and on hover. */
    reasonAt?: "beside" | "below" | "hidden" | undefined;
    /** What is going on since the press ("Committing…"); replaces the words and refuses another press. */
    busy?: string | undefined;
  };

function lookClass({ variant = "plain", size = "md", wide }: Look): string {
  const look = {
    primary: "primary",
    plain: "",
    danger: "danger",
    "danger-fill": "danger solid",
    ghost: "ghost",
  };
  return cx("btn", look[variant], size !== "md" && size, wide && "wide");
}

/** The one button. Say what is wrong with `reason`; there is no silent `disabled`. */
export function Button(props: ButtonProps) {
  const {
    variant,
    size,
    wide,
    reason,
    reasonAt = "beside",
    busy,
    className,
    children,
    onClick,
    ...rest
  } = props;
  const reasonId = useId();
  const off = Boolean(reason) || busy !== undefined;
  // What cannot be done now carries no colour of its own.
  const look = reason && variant !== "ghost" ? "plain" : variant;
  const button = (
    <button
      type="button"
      {...rest}
      className={cx(lookClass({ variant: look, size, wide }), Boolean(reason) && "is-disabled", className)}
      aria-disabled={off || undefined}
      aria-busy={busy !== undefined || undefined}
      aria-describedby={reason ? reasonId : rest["aria-describedby"]}
      title={reasonAt === "hidden" && typeof reason === "string" ? reason : rest.title}
      onClick={(event) => (off ? event.preventDefault() : onClick?.(event))}
    >
      {busy ?? children}
    </button>
  );
  if (!reason) return button;
  return (
    <span className={cx("reasoned", reasonAt === "below" && "below", wide && "wide")}>
      {button}
      <span id={reasonId} className={reasonAt === "hidden" ? "sr-only" : "t2"}>
        {reason}
      </span>
    </span>
  );
}

/** A link that looks like a button: for going somewhere, never for doing something. */
export function LinkButton({ variant, size, wide, className, ...rest }: ComponentProps<typeof Link> & Look) {
  return <Link {...rest} className={cx(lookClass({ variant, size, wide }), className)} />;
}

/** A square button with an icon; `label` is its name for screen readers and on hover. */
export function IconButton({
  icon,
  label,
  className,
  ...rest
}: ComponentProps<"button"> & { icon: IconName; label: string }) {
  return (
    <button type="button" title={label} {...rest} aria-label={label} className={cx("dots", className)}>
      <Icon name={icon} />
    </button>
  );
}

/** An action inside a sentence or a row, in the accent. */
export function TextAction({ className, ...rest }: ComponentProps<"button">) {
  return <button type="button" {...rest} className={cx("link", className)} />;
}
