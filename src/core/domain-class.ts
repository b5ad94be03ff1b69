/** Large mailbox providers by the domains of their users: few enough to count by. Says nothing about who runs other domains. */

/** A provider's name, or `other`. */
export type DomainClass = (typeof DOMAIN_CLASSES)[number];

/** Domains that are a provider's whatever stands behind the last part: `yahoo.fr`, `hotmail.co.uk`. */
const BY_NAME = {
  microsoft: ["hotmail", "outlook", "live", "msn"],
  yahoo: ["yahoo", "ymail", "rocketmail"],
  gmx: ["gmx"],
  yandex: ["yandex"],
} as const;

const BY_DOMAIN = {
  gmail: ["gmail.com", "googlemail.com"],
  microsoft: ["passport.com"],
  yahoo: ["aol.com", "aim.com", "myyahoo.com"],
  apple: ["icloud.com", "me.com", "mac.com"],
  gmx: ["web.de"],
  "t-online": ["t-online.de", "magenta.de"],
  orange: ["orange.fr", "wanadoo.fr"],
  free: ["free.fr"],
  libero: ["libero.it", "virgilio.it"],
  "mail-ru": ["mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru"],
  yandex: ["ya.ru"],
  qq: ["qq.com", "foxmail.com"],
  netease: ["163.com", "126.com", "yeah.net"],
  proton: ["proton.me", "protonmail.com", "pm.me"],
  comcast: ["comcast.net"],
} as const;

export const DOMAIN_CLASSES = [...(Object.keys(BY_DOMAIN) as (keyof typeof BY_DOMAIN)[]), "other"] as const;

const names = tableOf(BY_NAME);
const domains = tableOf(BY_DOMAIN);

/** Of a recipient's domain, in any case. A company that has its mail at a provider counts as other. */
export function domainClass(domain: string): DomainClass {
  const whole = domain.toLowerCase();
  const found = domains.get(whole);
  if (found) return found;
  const [name = "", ...rest] = whole.split(".");
  // hotmail.fr and hotmail.co.uk are of one provider; hotmail.example.com is not.
  const isCountry = rest.length === 1 || (rest.length === 2 && /^(?:com?|net|org)$/.test(rest[0] ?? ""));
  return (isCountry ? names.get(name) : undefined) ?? "other";
}

function tableOf(classes: Readonly<Partial<Record<DomainClass, readonly string[]>>>): ReadonlyMap<string, DomainClass> {
  return new Map(Object.entries(classes).flatMap(([name, of]) => of.map((one) => [one, name as DomainClass] as const)));
}
