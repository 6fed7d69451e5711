/**
 * A promise that is kept already and says so in the same turn. aedes hands a message on when its persistence has answered, and its
 * check for duplicates drops what another message overtook meanwhile: so answers that need no waiting must not wait.
 */
export function atOnce<T>(value: T): PromiseLike<T> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: it is what a promise is made of
    then<A, B>(onValue?: ((value: T) => A | PromiseLike<A>) | null): PromiseLike<A | B> {
      return onValue ? (atOnce(onValue(value)) as PromiseLike<A | B>) : (atOnce(value) as PromiseLike<never>);
    },
  };
}
