/** When ticks are expected to come in. */

/** Days and times of a week, as Alertmanager's time intervals have them. */
export interface FeedHours {
  /** Days as `monday:friday`. */
  weekdays: string;
  /** The first minute, as `09:30`. */
  start_time: string;
  /** The end, which is not in it, as `16:00`. */
  end_time: string;
  /** Where these are the days and times, as `America/New_York`. */
  location: string;
}

/**
 * A feed that is silent outside of these hours pages nobody; null expects ticks at all times. For the
 * stock exchanges of New York it would be
 * `{ weekdays: "monday:friday", start_time: "09:30", end_time: "16:00", location: "America/New_York" }`.
 * After a change `deno task dashboards` writes it for docker-compose; `deno task start` takes it as it
 * is.
 */
export const FEED_HOURS: FeedHours | null = null;
