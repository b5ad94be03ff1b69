/** Settings of well-known mail services, and what is particular about each. Contacts nobody. */

export type Preset = {
  readonly key: string;
  readonly name: string;
  /** May hold a placeholder in braces. */
  readonly host: string;
  readonly port: number;
  readonly security: "tls" | "starttls";
  readonly user: string;
  readonly notes: readonly string[];
  /** Where it gives access tokens, and how to come by a refresh token; null: it takes passwords alone. */
  readonly oauth: { readonly tokenUrl: string; readonly scope: string | null; readonly note: string } | null;
  /** Hosts that are this service. */
  readonly hosts: RegExp | null;
  /** What to do when it refuses user and password. */
  readonly signIn: string;
};

export const PRESETS: readonly Preset[] = [
  {
    key: "gmail",
    name: "Gmail and Google Workspace",
    host: "smtp.gmail.com",
    port: 587,
    security: "starttls",
    user: "The whole address",
    notes: [
      "Needs an app password: turn on 2-Step Verification, then make one under Security, App passwords.",
      "Sends about 500 mails a day with Gmail, 2,000 with Workspace.",
    ],
    oauth: {
      tokenUrl: "https://oauth2.googleapis.com/token",
      scope: "https://mail.google.com/",
      note: "Make an OAuth client in the Google Cloud console, and a refresh token for the scope https://mail.google.com/. While the consent screen is in testing, a refresh token ends after seven days.",
    },
    hosts: /(?:^|\.)(?:gmail|googlemail|google)\.com$/i,
    signIn:
      "Google takes no ordinary password here. Turn on 2-Step Verification, make an app password, and use its 16 letters. The user is the whole address.",
  },
  {
    key: "microsoft-365",
    name: "Microsoft 365 and Outlook",
    host: "smtp.office365.com",
    port: 587,
    security: "starttls",
    user: "The whole address",
    notes: [
      "“Authenticated SMTP” has to be switched on for the mailbox by its administrator.",
      "Where two-factor sign-in is on, an app password is needed. Tenants without basic authentication cannot be used with a password.",
      "At most 10,000 recipients a day and 30 mails a minute; the sender must be the mailbox or one it may send as.",
    ],
    oauth: {
      tokenUrl: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
      scope: "https://outlook.office.com/SMTP.Send offline_access",
      note: "Register an application in Microsoft Entra with the delegated permission SMTP.Send, and get a refresh token with offline_access. Put your tenant in the address, or common. A client's secret ends on its day.",
    },
    hosts: /(?:^|\.)(?:office365|outlook|hotmail|live)\.com$/i,
    signIn:
      "Have the administrator switch on “Authenticated SMTP” for this mailbox, and use an app password where two-factor sign-in is on. The user is the whole address.",
  },
  {
    key: "amazon-ses",
    name: "Amazon SES",
    host: "email-smtp.{region}.amazonaws.com",
    port: 587,
    security: "starttls",
    user: "The SMTP user name, which begins with AKIA",
    notes: [
      "Make SMTP credentials in the SES console: an access key is not one.",
      "A new account is in the sandbox and reaches verified addresses alone.",
      "The sender's address or domain has to be verified in the same region.",
    ],
    oauth: null,
    hosts: /(?:^|\.)amazonaws\.com$/i,
    signIn:
      "Use SMTP credentials made in the SES console for this region: the secret of an access key is not the SMTP password.",
  },
  {
    key: "sendgrid",
    name: "SendGrid",
    host: "smtp.sendgrid.net",
    port: 587,
    security: "starttls",
    user: "apikey",
    notes: ["The user is the word apikey; the password is an API key with the right “Mail Send”."],
    oauth: null,
    hosts: /(?:^|\.)sendgrid\.net$/i,
    signIn: "The user is the word apikey, and the password an API key with the right “Mail Send”.",
  },
  {
    key: "mailgun",
    name: "Mailgun",
    host: "smtp.mailgun.org",
    port: 587,
    security: "starttls",
    user: "postmaster@ and your sending domain",
    notes: [
      "Domains in the EU use smtp.eu.mailgun.org.",
      "The password stands under Sending, Domain settings, SMTP credentials.",
    ],
    oauth: null,
    hosts: /(?:^|\.)mailgun\.org$/i,
    signIn:
      "Use the SMTP credentials of the sending domain, not the API key. Domains in the EU use smtp.eu.mailgun.org.",
  },
  {
    key: "postmark",
    name: "Postmark",
    host: "smtp.postmarkapp.com",
    port: 587,
    security: "starttls",
    user: "The server's API token",
    notes: [
      "The token is the user and the password.",
      "Campaigns belong to a broadcast stream: use its host, smtp-broadcasts.postmarkapp.com.",
    ],
    oauth: null,
    hosts: /(?:^|\.)postmarkapp\.com$/i,
    signIn: "The user and the password are both the API token of the Postmark server.",
  },
  {
    key: "brevo",
    name: "Brevo",
    host: "smtp-relay.brevo.com",
    port: 587,
    security: "starttls",
    user: "The SMTP login shown by Brevo",
    notes: ["The password is an SMTP key, made under SMTP & API; it is not the one you sign in with."],
    oauth: null,
    hosts: /(?:^|\.)(?:brevo|sendinblue)\.com$/i,
    signIn: "Use an SMTP key as the password, made under SMTP & API, and the login shown beside it.",
  },
  {
    key: "generic",
    name: "Another server",
    host: "smtp.example.com",
    port: 587,
    security: "starttls",
    user: "Usually the whole address",
    notes: [
      "Port 587 goes with STARTTLS, port 465 with TLS. Port 25 is for servers among themselves and often blocked.",
    ],
    oauth: null,
    hosts: null,
    signIn:
      "Check user and password; the user is often the whole address. Where two-factor sign-in is on, the service wants an app password.",
  },
];

/** The service a host belongs to; the generic one when it is none we know. */
export function presetOf(host: string): Preset {
  return PRESETS.find(({ hosts }) => hosts?.test(host)) ?? PRESETS.at(-1)!;
}
