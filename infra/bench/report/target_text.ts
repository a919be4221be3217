/** Targets and how they came out, in words. Pure. */
import { boundedText } from "./number_text.ts";
import { type JudgedTarget, ROUNDS_NEEDED, type Target } from "./targets.ts";

/** What a figure came to, without its unit; a dash where nothing counts. */
export function figureText({ target, value }: JudgedTarget): string {
  return value.state === "measured" ? boundedText(value.judged.median, target.bound) : "–";
}

/** What a figure came to, with its unit: `1.43 × its rate`. */
export function measuredText(judged: JudgedTarget): string {
  return `${figureText(judged)} ${judged.target.unit}`;
}

/** What a figure is to reach: `≥ 0.9`; empty where nothing is asked. */
export function limitText({ bound }: Target, limit: number | undefined): string {
  return limit === undefined ? "" : `${bound === "at least" ? "≥" : "≤"} ${limit}`;
}

/** A figure's rounds, least and most; and what the medians of both sides make of it. */
export function roundsText({ target, value }: JudgedTarget): string {
  if (value.state !== "measured") return "";
  const { rounds, judged: { least, most }, of_medians } = value;
  const bounded = (figure: number): string => boundedText(figure, target.bound);
  const range = rounds === 1 ? "1 round" : `${rounds} rounds, ${bounded(least)} – ${bounded(most)}`;
  return of_medians === null ? range : `${range}; of medians ${bounded(of_medians)}`;
}

/** All that must be said of figures that are not as they were to be, a sentence each. */
export function shortfalls(judged: readonly JudgedTarget[]): string[] {
  return judged.flatMap((each) => {
    const { target: { what, against, reach, beyond, bound }, value, verdict } = each;
    const figure = against === null ? what : `${what}, against ${against}`;
    if (value.state !== "measured") {
      return verdict === "does not count" ? [`**Does not count:** ${figure}: ${value.why}.`] : [];
    }
    const sentences: string[] = [];
    if (verdict === "missed") {
      sentences.push(`**Missed:** ${figure}: ${measuredText(each)}, ${bound} ${reach} to reach.`);
    }
    if (verdict === "not beyond") {
      sentences.push(
        `**Not beyond:** ${figure}: ${measuredText(each)}, ${bound} ${beyond} beyond.`,
      );
    }
    if (value.rounds < ROUNDS_NEEDED) {
      const runs = `${value.rounds} of ${ROUNDS_NEEDED} rounds`;
      sentences.push(`**Too few runs:** ${figure} is of ${runs}.`);
    }
    return sentences;
  });
}
