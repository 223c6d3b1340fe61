// The program that fails: functions whose names and files a stack must show.

export function divide(number) {
  if (number !== undefined) {
    throw new RangeError(`cannot divide order ${number}`);
  }
}

export function checkout() {
  divide(42);
}
