/** Open while clients are to begin new work. What they began they bring to its end. */
export class Gate {
  isOpen = true;

  close(): void {
    this.isOpen = false;
  }
}
