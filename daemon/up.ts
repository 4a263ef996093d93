export const up = async (_options: object): Promise<void> => {}
