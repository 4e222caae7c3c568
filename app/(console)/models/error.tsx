'use client';

import { PageCrash } from '../../../components/data/page-crash.tsx';

export default PageCrash;
