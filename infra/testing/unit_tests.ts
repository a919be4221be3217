/** The variable in which a whole run tells later tests how long its unit tests took, seconds. */
export const UNIT_TESTS_SECONDS = "UNIT_TESTS_SECONDS";
