declare module 'pino-roll' {
  import type { SonicBoom } from 'sonic-boom';

  /** The package ships no types; these are the options used here. */
  export default function build(options: {
    file: string;
    extension?: string;
    frequency?: 'daily' | 'hourly' | number;
    dateFormat?: string;
    size?: string | number;
    limit?: { count?: number };
    mkdir?: boolean;
  }): Promise<SonicBoom>;
}
