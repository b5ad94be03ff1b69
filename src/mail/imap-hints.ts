/** What to do about a mailbox that cannot be read, in plain words. Tries nothing itself. */
import type { ImapStep } from "./imap.ts";
import type { ImapSettings } from "./imap-settings.ts";

/** A sentence or two for the person who entered the settings. */
export function imapHint(step: ImapStep, words: string, settings: ImapSettings): string {
  return HINTS[step](words, settings);
}

/** What is particular about signing in at well-known services. */
const SIGN_IN: readonly (readonly [hosts: RegExp, todo: string])[] = [
  [
    /(?:^|\.)(?:gmail|googlemail|google)\.com$/i,
    "Google takes no ordinary password here. Use OAuth 2, or turn on 2-Step Verification and make an app password. The user is the whole address.",
  ],
  [
    /(?:^|\.)(?:office365|outlook|hotmail|live)\.com$/i,
    "Microsoft takes no passwords for IMAP any more. Use OAuth 2 with the scope https://outlook.office.com/IMAP.AccessAsUser.All offline_access.",
  ],
  [/(?:^|\.)(?:yahoo|aol)\.com$/i, "Make an app password in the account's security settings, and use it here."],
  [/(?:^|\.)(?:me|icloud)\.com$/i, "Make an app-specific password at account.apple.com, and use it here."],
];

const HINTS: Readonly<Record<ImapStep, (words: string, settings: ImapSettings) => string>> = {
  dns: () => "Check how the host is spelt. If it is right, this machine's DNS does not know it.",

  connect: (words, { port, host, security }) => {
    if (/ECONNREFUSED/.test(words))
      return `The machine is there, but nothing answers at port ${port}. Use 993 with TLS or 143 with STARTTLS.`;
    if (/EHOSTUNREACH|ENETUNREACH/.test(words))
      return "This machine has no way to that network. Check its connection, and whether it can use IPv6.";
    if (/TIMEOUT|ETIMEDOUT/.test(words) && security !== "tls" && port === 993)
      return "Port 993 speaks TLS from the first byte: choose TLS.";
    if (/TIMEOUT|ETIMEDOUT/.test(words))
      return `A firewall may be in between. Ask whether port ${port} to ${host} is open.`;
    return "It is tried again by itself. If it stays so, check host, port and encryption.";
  },

  tls: (words, { port, security, host }) => {
    if (/WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(words))
      return `The server begins in plain text at port ${port}: choose STARTTLS (usual at 143), or port 993 with TLS.`;
    if (/does not support STARTTLS/i.test(words)) return "Choose TLS and port 993. Without TLS no password is sent.";
    if (/ALTNAME/.test(words))
      return `The certificate names another host than ${host}. Use the name your provider gives.`;
    if (/EXPIRED/.test(words)) return "Whoever runs the server has to renew the certificate.";
    if (/SELF_SIGNED|UNABLE_TO/.test(words))
      return "The server needs a certificate of a public authority with its chain. For an authority of your own, start Tidings with NODE_EXTRA_CA_CERTS naming its file.";
    return security === "starttls"
      ? "Try TLS and port 993."
      : "The server may know only TLS older than 1.2, which is not safe.";
  },

  auth: (words, { host, auth }) => {
    const known = SIGN_IN.find(([hosts]) => hosts.test(host));
    if (known) return known[1];
    if ("accessToken" in auth)
      return "The server did not take the access token. Check the scope, and that the token belongs to this user.";
    if (/app(?:lication)?[- ]?(?:specific )?password/i.test(words)) return "This account wants an app password.";
    return auth.user.includes("@")
      ? "Check user and password; IMAP may have to be switched on for the mailbox."
      : "Check user and password. With most services the user is the whole address.";
  },

  folders: () => "Check how the folder is spelt, in the server's own words: INBOX.Bounces, [Gmail]/Spam.",
};
