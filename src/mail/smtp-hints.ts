/** What to do about a step that failed, in plain words. Tries nothing itself. */
import { nearest } from "../core/template-names.ts";
import { PRESETS, presetOf } from "./smtp-presets.ts";
import type { Reply } from "./smtp-replies.ts";
import type { SmtpSettings } from "./smtp-settings.ts";

export type Failure = {
  readonly step: "dns" | "connect" | "greeting" | "tls" | "auth" | "mail";
  readonly text: string;
  readonly reply: Reply | null;
  /** The names a certificate is for, where it is the certificate's fault. */
  readonly names?: readonly string[];
};

type Settings = Pick<SmtpSettings, "host" | "port" | "security"> & { readonly auth: { readonly user: string } | null };

/** A sentence or two for the person who entered the settings. */
export function hintFor(failure: Failure, settings: Settings): string {
  return HINTS[failure.step](failure, settings);
}

const HINTS: Readonly<Record<Failure["step"], (failure: Failure, settings: Settings) => string>> = {
  dns: (_, { host }) => {
    const meant = nearest(
      host,
      PRESETS.map((preset) => preset.host),
    );
    return `Check how the host is spelt.${meant ? ` Did you mean ${meant}?` : ""} If it is right, this machine's DNS does not know it.`;
  },

  connect: ({ text }, { port, host }) => {
    if (/ECONNREFUSED/.test(text))
      return `The machine is there, but nothing takes mail at port ${port}. Use 587 with STARTTLS or 465 with TLS.`;
    if (/EHOSTUNREACH|ENETUNREACH/.test(text))
      return "This machine has no way to that network. Check its connection, and whether it can use IPv6.";
    return port === 25
      ? "Most providers block port 25 to the outside. Use 587 with STARTTLS or 465 with TLS."
      : `A firewall may be in between. Ask your hosting provider whether port ${port} to ${host} is open; some services also listen at 2525.`;
  },

  greeting: ({ text, reply }, { port, security }) => {
    if (security !== "tls" && (port === 465 || /no answer|gave no answer|closed/i.test(text)) && !reply)
      return port === 465
        ? "Port 465 speaks TLS from the first byte: choose TLS, or port 587 with STARTTLS."
        : "The server says nothing of itself: if it speaks TLS from the first byte, choose TLS (usual at port 465).";
    if (reply && /rate|too many|limit/i.test(reply.text))
      return "The server has had enough for now. Try again in a while.";
    if (reply && reply.code >= 500)
      return "The server does not take mail from this machine's address. Use your provider's submission port 587, or ask why it is blocked.";
    if (/without|garbage|not an? SMTP|unexpected/i.test(text))
      return "What answers there is no mail server. Check host and port.";
    return "The server is busy or going down. Try again in a while.";
  },

  tls: ({ text, names }, { port, security, host }) => {
    if (/begin with TLS|WRONG_VERSION|PACKET_LENGTH/.test(text))
      return `The server begins in plain text at port ${port}: choose STARTTLS (usual at 587), or port 465 with TLS.`;
    if (/no STARTTLS/.test(text))
      return "Choose TLS and port 465, if the server has it. Without TLS nothing is sent to another machine.";
    if (/is not for/.test(text))
      return names && names.length > 0
        ? `The certificate is for ${names.join(", ")}. Use ${names.length === 1 ? "that name" : "one of these names"} as the host.`
        : `The certificate names another host than ${host}. Use the name your provider gives.`;
    if (/expired/.test(text)) return "Whoever runs the server has to renew the certificate.";
    if (/not signed|SELF_SIGNED|UNABLE_TO/.test(text))
      return "The server needs a certificate of a public authority with its chain. For an authority of your own, start Tidings with NODE_EXTRA_CA_CERTS naming its file.";
    if (/NOT_YET_VALID/.test(text)) return "The certificate is not valid yet: check the clocks of both machines.";
    return security === "starttls"
      ? "The encrypted connection could not be made. Try TLS and port 465."
      : "The encrypted connection could not be made. The server may know only TLS older than 1.2, which is not safe.";
  },

  auth: ({ text, reply }, { host, auth }) => {
    const { signIn } = presetOf(host);
    if (/no way to sign in/.test(text))
      return "The server offers no password sign-in on this connection. Choose TLS or STARTTLS, or leave user and password empty for a relay that knows this machine.";
    if (reply && reply.code >= 400 && reply.code < 500)
      return "The server cannot check passwords at the moment. Try again in a while.";
    if (reply && (reply.code === 534 || /app(?:lication)?[- ]?(?:specific )?password|5\.7\.9/i.test(reply.text)))
      return `This account wants an app password. ${signIn}`;
    if (auth && !auth.user.includes("@") && presetOf(host).key === "generic")
      return `${signIn} “${auth.user}” is no whole address.`;
    return signIn;
  },

  mail: ({ text, reply }, { auth, host }) => {
    if (reply?.code === 530 || /authentication required|must (?:first )?authenticate|not authenticated/i.test(text))
      return auth
        ? "The server wants another way to sign in."
        : "The server wants you to sign in: give a user and a password.";
    if (reply && /verif|not allowed|sender|owner|send ?as|from address|domain/i.test(reply.text))
      return presetOf(host).key === "generic"
        ? "The server does not let this account send from that address. Use the account's own address, or have the domain allowed."
        : `The service does not let this account send from that address: verify the sender's address or domain at ${presetOf(host).name}.`;
    if (reply && /relay/i.test(reply.text))
      return "The server passes on mail only for those it knows: sign in, or have this machine's address allowed.";
    if (reply && reply.code < 500)
      return "The server takes the mail later: this is usual with an address it does not know yet. Try again in some minutes.";
    if (/unknown user|no such|recipient|5\.1\.1/i.test(text))
      return "The address the test mail goes to does not exist there. Try your own.";
    return "Signing in works; the mail itself was refused. The server's words say why.";
  },
};
