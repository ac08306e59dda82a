/** What a call lets its recipient hear, as templates, jobs and requests say it and as messages are stored. */

/** One thing of a play list: a text that is spoken, a recording that is played, or silence. */
export type PlayItem = { text: string } | { recording: string } | { pauseMs: number }

/** As it is written in JSON: a plain string is a text. */
export type PromptSetting = string | PlayItem
