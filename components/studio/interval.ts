import { plusMinus } from "@/components/ui/format";

/**
 * Half of an interval, after its number. Once the whole test set is measured there is no chance left in the
 * difference on this set: the sessions tell 0, and a "±0.00" would only look like one.
 */
export const interval = (half: number): string => (half === 0 ? "" : ` ${plusMinus(half * 100, 2)}`);
