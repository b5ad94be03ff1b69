/** Says who are colleagues: the same company, or a mail domain that belongs to one company. Looks nothing up. */

/** Providers where anybody has an address: a shared domain says nothing there. */
export const FREEMAIL: ReadonlySet<string> = new Set(
  (
    "gmail.com googlemail.com outlook.com outlook.de outlook.fr hotmail.com hotmail.de hotmail.fr hotmail.it hotmail.co.uk live.com live.de " +
    "live.nl msn.com yahoo.com yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.co.uk yahoo.co.jp yahoo.com.br yahoo.in ymail.com rocketmail.com " +
    "aol.com aol.de icloud.com me.com mac.com proton.me protonmail.com pm.me tutanota.com tuta.io tuta.com mail.com email.com gmx.de gmx.net gmx.com gmx.at " +
    "gmx.ch web.de t-online.de freenet.de arcor.de vodafone.de mailbox.org posteo.de posteo.net bluewin.ch hispeed.ch a1.net chello.at aon.at " +
    "orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr libero.it virgilio.it alice.it tin.it tiscali.it terra.es telefonica.net sapo.pt " +
    "ziggo.nl kpnmail.nl planet.nl home.nl xs4all.nl telenet.be skynet.be proximus.be seznam.cz centrum.cz wp.pl o2.pl onet.pl interia.pl op.pl " +
    "mail.ru bk.ru list.ru inbox.ru yandex.ru yandex.com rambler.ru ukr.net i.ua abv.bg btinternet.com virginmedia.com sky.com ntlworld.com " +
    "talktalk.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net rogers.com shaw.ca sympatico.ca " +
    "bigpond.com optusnet.com.au xtra.co.nz uol.com.br bol.com.br terra.com.br hotmail.com.br qq.com 163.com 126.com sina.com foxmail.com " +
    "naver.com hanmail.net daum.net docomo.ne.jp ezweb.ne.jp rediffmail.com zoho.com fastmail.com fastmail.fm hey.com duck.com"
  ).split(" "),
);

/** What a company is compared by: the name without case and spaces around; null where none is given. */
export function companyKey(company: string | null): string | null {
  const key = (company ?? "").normalize("NFKC").toLowerCase().replaceAll(/\s+/g, " ").trim();
  return key === "" ? null : key;
}

/** The domain of an address where it belongs to a company; null at a provider for everybody. */
export function companyDomain(emailKey: string | null): string | null {
  const domain = emailKey?.slice(emailKey.lastIndexOf("@") + 1) ?? "";
  return domain === "" || FREEMAIL.has(domain) ? null : domain;
}
