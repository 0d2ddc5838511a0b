"use strict";
// Amounts that people write into fields.
(() => {
  // An amount as people write it, exactly, as core/reading.py reads it; NaN for what is none, or not whole.
  const thousands = (letters) => [...letters].map((letter, power) => [letter, 1000n ** BigInt(power + 1)]);
  const binaries = (letters, end) => [...letters].map((letter, power) => [letter + end, 1024n ** BigInt(power + 1)]);
  const COUNTS = new Map([["", 1n], ["b", 10n ** 9n], ...thousands("kmgtp"), ...binaries("kmgtp", "i")]);
  const BYTES = new Map([["", 1n], ["b", 1n], ...binaries("kmgtp", "i"), ...binaries("kmgtpezy", "ib")]);
  const amount = (text, units) => {
    const found = text.trim().match(/^(\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.(\d{1,30}))?(?:e(\d{1,2}))?\s*([a-z]*)$/i);
    const unit = found && units.get(found[4].toLowerCase());
    if (!unit) return NaN;
    const part = found[2] || "";
    const digits = BigInt(found[1].replace(/,/g, "") + part) * 10n ** BigInt(found[3] || 0) * unit;
    const scale = 10n ** BigInt(part.length);
    return digits % scale ? NaN : digits / scale;
  };

  Object.assign(convcost, { amount, BYTES, COUNTS });
})();
