/** What is set up does not fit together (a database of another cluster): a restart would not help. */
export class SetupError extends Error {
  override name = "SetupError";
}
