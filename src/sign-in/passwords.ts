/** Passwords: hashed with Argon2id, never kept or logged. Checking takes as long for nobody as for somebody. */
import { hash, verify } from "@node-rs/argon2";
import { refuse } from "../core/problem.ts";

/** OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Commonest of those long enough to be taken; the full lists hold little else of ten characters or more. */
const COMMON = new Set(
  "1234567890 12345678910 123456789a 1q2w3e4r5t qwertyuiop password12 password123 password1234 passw0rd123 iloveyou123 qwerty1234 qwerty12345 q1w2e3r4t5 abcdefghij 0987654321 1111111111 0000000000 letmein123 welcome123 administrator".split(
    " ",
  ),
);

let nobody: Promise<string> | undefined;

/** Refuses what everybody tries first. */
export function checkNewPassword(password: string, { email }: { email: string }, at: string): void {
  const plain = password.toLowerCase();
  const local = email.split("@")[0]?.toLowerCase() ?? "";
  if (COMMON.has(plain) || new Set(plain).size < 4)
    refuse("password-too-common", "This password is among the first that are tried. Choose another one.", at);
  if (plain === email.toLowerCase() || plain === local)
    refuse("password-too-common", "This is your address. Choose something others cannot know.", at);
}

export function hashOf(password: string): Promise<string> {
  return hash(password.normalize("NFKC"), COST);
}

/** Whether this is the password; false for a user who has none, after the same work. */
export async function isRight(password: string, kept: string | null): Promise<boolean> {
  nobody ??= hashOf("nobody has this password");
  const right = await verify(kept ?? (await nobody), password.normalize("NFKC"));
  return right && kept !== null;
}
