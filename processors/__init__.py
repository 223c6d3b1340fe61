"""The stream: Faust agents around pure steps, and the sink that writes blocks."""
