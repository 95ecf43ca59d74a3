const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

/** As screens say it: "$491,280.02". */
export const dollars = (amount: number): string => DOLLARS.format(amount);
