/** What a check says. Data only. */
export type Finding = {
  readonly code: string;
  /** `error`: the mail is broken or may not leave; `warning`: many will notice; `hint`: could be better. */
  readonly severity: "error" | "warning" | "hint";
  readonly text: string;
  readonly field: "subject" | "preheader" | "body" | "text";
  /** A piece of the source to look for, where the finding is about one. */
  readonly quote?: string;
  /** The block it is in, where the body is made of blocks. */
  readonly block?: string | null;
  /** The mail programs it is about. */
  readonly clients?: readonly string[];
};
