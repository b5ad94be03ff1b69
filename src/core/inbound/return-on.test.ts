import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { returnOn } from "./return-on.ts";

const on = Temporal.PlainDate.from("2025-12-18");
const find = (text: string) => returnOn(text, on)?.toString() ?? null;

describe("when somebody is back", () => {
  it.each([
    ["I am out of the office and will be back on 5 January 2026.", "2026-01-05"],
    ["I will be out of the office starting 12/22/2025 and will not return until 01/05/2026.", "2026-01-05"],
    ["I'm away until January 4th. For urgent matters call 555-0100.", "2026-01-05"],
    ["I am on leave from December 22 through January 2, returning Monday, January 5.", "2026-01-05"],
    ["I am out of the office from 22 Dec to 4 Jan.", "2026-01-05"],
    ["I will return to the office on Monday.", "2025-12-22"],
    ["Out of office 2025-12-22 - 2026-01-04", "2026-01-05"],
    ["Ich bin bis einschließlich 4. Januar 2026 nicht im Büro.", "2026-01-05"],
    ["Ich bin vom 22.12.2025 bis 04.01.2026 im Urlaub.", "2026-01-05"],
    ["Ich bin bis zum 4.1. nicht da und ab dem 5.1. wieder erreichbar.", "2026-01-05"],
    ["Ab Montag, den 5. Januar bin ich wieder für Sie da.", "2026-01-05"],
    ["Am 05.01.26 bin ich zurück.", "2026-01-05"],
    ["Je suis absente jusqu'au 4 janvier inclus.", "2026-01-05"],
    ["Absent du 22 décembre au 4 janvier 2026.", "2026-01-05"],
    ["Je serai de retour le lundi 5 janvier 2026.", "2026-01-05"],
    ["Estaré fuera de la oficina hasta el 4 de enero de 2026.", "2026-01-05"],
    ["Estoy de vacaciones del 22 de diciembre al 4 de enero.", "2026-01-05"],
    ["Vuelvo el lunes 5 de enero.", "2026-01-05"],
    ["Sono assente dal 22 dicembre al 4 gennaio 2026.", "2026-01-05"],
    ["Sarò di ritorno il 5 gennaio 2026.", "2026-01-05"],
    ["Estarei ausente até 4 de janeiro de 2026.", "2026-01-05"],
    ["Retorno no dia 5 de janeiro.", "2026-01-05"],
    ["Ik ben afwezig tot en met 4 januari 2026.", "2026-01-05"],
    ["Ik ben maandag 5 januari weer terug.", "2026-01-05"],
    ["Vanaf 5 januari ben ik weer bereikbaar.", "2026-01-05"],
    ["Jestem nieobecny do 4 stycznia 2026.", "2026-01-05"],
    ["Wracam 5 stycznia.", "2026-01-05"],
    ["Jag är på semester till och med 4 januari.", "2026-01-05"],
    ["Jag är tillbaka den 5 januari 2026.", "2026-01-05"],
    ["Jeg er på ferie til og med 4. januar 2026.", "2026-01-05"],
    ["Jeg er tilbage den 5. januar.", "2026-01-05"],
    ["Jeg er tilbake mandag 5. januar.", "2026-01-05"],
    ["Olen lomalla 4.1.2026 asti.", "2026-01-05"],
    ["Palaan töihin 5. tammikuuta.", "2026-01-05"],
    ["Nejsem v kanceláři do 4. ledna 2026.", "2026-01-05"],
    ["Vrátím se 5. 1. 2026.", "2026-01-05"],
    ["Я в отпуске с 22 декабря по 4 января.", "2026-01-05"],
    ["Я вернусь 5 января 2026 года.", "2026-01-05"],
    ["12月22日から1月4日まで休暇をいただいております。", "2026-01-05"],
    ["1月5日より出社いたします。", "2026-01-05"],
    ["1月5日(月)に戻ります。", "2026-01-05"],
    ["我将于2025年12月22日至2026年1月4日休假。", "2026-01-05"],
    ["我将于1月5日返回办公室。", "2026-01-05"],
    ["12월 22일부터 1월 4일까지 휴가입니다.", "2026-01-05"],
    ["1월 5일에 복귀합니다.", "2026-01-05"],
    ["4 Ocak 2026 tarihine kadar ofis dışındayım.", "2026-01-05"],
    ["5 Ocak'ta ofise döneceğim.", "2026-01-05"],
  ])("%s", (text, day) => {
    expect(find(text)).toBe(day);
  });

  it.each([
    "I am out of the office with limited access to mail.",
    "Thank you for your mail of 5 January 2026. I am away.",
    "I was away until 20 November and am back since 21 November.",
    "Call 089 12/34 56 or write to me. Our office is open 9.30 to 17.00.",
    "Ich bin nicht im Büro. Meine Nummer: 030 1.2.2019",
    "I am away.\nOn 17 Dec 2025 Marta wrote:\n> I am back on 5 January.",
    "",
  ])("%j says no day", (text) => {
    expect(find(text)).toBe(null);
  });

  it("a day that could be read two ways is the later one", () => {
    expect(returnOn("I will be back on 03/04/2026", Temporal.PlainDate.from("2026-03-01"))?.toString()).toBe(
      "2026-04-03",
    );
    expect(returnOn("Vuelvo el 03/04/2026", Temporal.PlainDate.from("2026-03-01"))?.toString()).toBe("2026-04-03");
  });

  it("any text at all gets a day ahead or none", () => {
    const word = fc.constantFrom(
      "back",
      "until",
      "bis",
      "5.1.",
      "5 January",
      "1月",
      "5日",
      "12/12/12",
      "Monday",
      "99.99.2026",
      "\n",
      ".",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 30 }), (words) => {
        const day = returnOn(words.join(" "), on);
        expect(day === null || Temporal.PlainDate.compare(day, on) >= 0).toBe(true);
      }),
    );
    for (const piece of ["1", "1 ", "until ", "a ", "5 January ", "1/", "("])
      expect(() => find(piece.repeat(100_000))).not.toThrow();
  });
});
